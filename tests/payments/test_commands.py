"""What operators type about payments and providers' calls, and what they are told."""

from __future__ import annotations

import logging

import pytest
from click.testing import CliRunner
from gateway import deliver

from marketcore.cli import build
from marketcore.payments import inbox
from marketcore.testing.logs import log_plainly

NOWHERE = {
    "marketcore.database_url": "postgresql://nobody@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
    "marketcore.environment": "development",
}
PHONE = "254712345678"


@pytest.fixture
def write_ini(tmp_path):
    def write(settings):
        lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
        (tmp_path / "market.ini").write_text(f"[app:main]\nuse = egg:marketcore\n{lines}\n")
        return str(tmp_path / "market.ini")

    return write


@pytest.fixture
def run(write_ini):
    """Return ``run(settings, *arguments)``: the program's exit code and what it wrote."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(settings, *arguments):
        result = CliRunner().invoke(build(), ["-c", write_ini(settings), *map(str, arguments)], catch_exceptions=False)
        return result.exit_code, result.output

    yield run
    logging.captureWarnings(False)
    log_plainly()
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def marketcore(run, till):
    """Return ``marketcore(*arguments)`` over the till's marketplace."""
    return lambda *arguments: run(till.market.settings, *arguments)


def calls(till):
    return till.market.query("SELECT * FROM webhook_inbox ORDER BY id")


def replays(till):
    return till.market.query("SELECT * FROM audit_log WHERE act = 'webhook.replay' ORDER BY id")


def told(till, state="captured", **fields):
    """Let a new purchase be reported on; return the payment and the id of the stored call."""
    payment = till.buy()
    till.tell(payment, state, **fields)
    return payment, calls(till)[-1].id


def test_calls_are_listed_newest_first_and_filtered(till, marketcore):
    (_first, one), (_second, two) = told(till), told(till, "failed")
    till.market.query(
        "UPDATE webhook_inbox SET status = 'dead', last_error = 'LookupError: gone' WHERE id = :id", id=two
    )
    till.market.query(
        "UPDATE webhook_inbox SET received_at = received_at - CAST('2 days' AS interval) WHERE id = :id", id=one
    )
    code, said = marketcore("webhooks", "list")
    lines = said.splitlines()
    assert (code, lines[-1]) == (0, "2 calls")
    assert [line.split()[0] for line in lines[:-1]] == [str(two), str(one)]
    assert "fakepay" in lines[0]
    assert "LookupError: gone" in lines[0]
    day_ago = (calls(till)[1].received_at).strftime("%Y-%m-%d")
    for options, expected in (
        (["--status", "dead"], [two]),
        (["--provider", "nobody"], []),
        (["--since", day_ago], [two]),
        (["--limit", "1"], [two]),
    ):
        said = marketcore("webhooks", "list", *options)[1].splitlines()
        assert [line.split()[0] for line in said[:-1]] == list(map(str, expected)), options


def test_a_call_is_shown_without_the_secrets_and_telephone_numbers_in_it(till, marketcore):
    secret = "sk-canary-55"
    _payment, call_id = told(
        till, payer={"phone": PHONE, "MSISDN": f"+{PHONE}", "mobile": "0712 345 678"}, api_key=secret
    )
    till.market.query("UPDATE webhook_inbox SET last_error = :error", error=f"no prompt to {PHONE}")
    code, said = marketcore("webhooks", "show", call_id)
    assert code == 0
    assert '"state": "captured"' in said
    assert "50000" in said
    for hidden in (secret, PHONE, "712345678", "0712 345 678"):
        assert hidden not in said
    address = till.gateway.payments[_payment["id"]]["callback_url"]
    assert address.rsplit("/", 1)[1] not in said


def test_a_call_that_is_not_there_or_forgotten_is_said_so(till, marketcore):
    _payment, call_id = told(till)
    till.market.query("UPDATE webhook_inbox SET body = NULL")
    assert "forgotten after 90 days" in marketcore("webhooks", "show", call_id)[1]
    code, said = marketcore("webhooks", "show", 999)
    assert (code, said) == (1, "Error: there is no stored call 999\n")


def test_replaying_everything_twice_moves_no_money_and_is_written_down(till, marketcore):
    for state in ("captured", "failed", "captured"):
        told(till, state)
    before, transfers = calls(till), till.transfers()
    for times in (1, 2):
        code, said = marketcore("webhooks", "replay", "--since", "2020-01-01")
        assert (code, said) == (0, "3 calls replayed\n")
        written = replays(till)
        assert [int(row.subject_id) for row in written] == [row.id for row in before] * times
        assert {row.actor.partition(":")[0] for row in written} == {"cli"}
        assert all(row.actor.partition(":")[2] and row.at for row in written)
        assert till.transfers() == transfers
    assert {row.status for row in calls(till)} == {"done"}
    till.assert_books_are_right()


def test_a_dry_run_says_what_would_be_replayed_and_does_nothing(till, marketcore):
    _payment, call_id = told(till)
    before = calls(till)
    assert marketcore("webhooks", "replay", call_id, "--dry-run") == (0, f"1 calls would be replayed: {call_id}\n")
    assert marketcore("webhooks", "replay", 999, "--dry-run") == (0, "0 calls would be replayed: none\n")
    assert (calls(till), replays(till)) == (before, [])


def test_a_range_is_named_or_nothing_is_replayed(till, marketcore):
    (_first, one), (_second, two) = told(till), told(till)
    till.market.query(
        "UPDATE webhook_inbox SET received_at = received_at - CAST('2 days' AS interval) WHERE id = :id", id=one
    )
    today = (calls(till)[1].received_at).strftime("%Y-%m-%d")
    code, said = marketcore("webhooks", "replay")
    assert (code, "name calls, or give --since" in said) == (2, True)
    for options, expected in (
        ([one], [one]),
        (["--since", today], [two]),
        (["--since", "2020-01-01", "--until", today], [one]),
        (["--since", "2020-01-01", "--provider", "nobody"], []),
        ([one, "--since", today], []),
    ):
        said = marketcore("webhooks", "replay", *options, "--dry-run")[1]
        assert said.endswith(f": {', '.join(map(str, expected)) or 'none'}\n"), (options, said)


def test_a_dead_call_is_applied_once_its_cause_is_mended(till, marketcore):
    payment = till.buy()
    till.market.query("UPDATE payments SET provider = 'elsewhere' WHERE id = :id", id=payment["id"])
    deliver(till.market.url, till.gateway.event(payment, "captured"))
    till.work()
    (call,) = calls(till)
    till.market.query("UPDATE webhook_inbox SET status = 'dead', attempts = 10")
    code, said = marketcore("webhooks", "replay", call.id)
    last = "1 calls replayed; 1 of them not applied, which is tried again: marketcore webhooks list"
    assert (code, said.splitlines()[-1]) == (1, last)
    till.market.query("UPDATE payments SET provider = 'fakepay' WHERE id = :id", id=payment["id"])
    assert marketcore("webhooks", "replay", call.id) == (0, "1 calls replayed\n")
    assert till.read_payment(payment)["state"] == "captured"
    till.assert_books_are_right()


def test_a_call_that_a_worker_holds_is_left_to_it(till, marketcore):
    payment = till.buy()
    deliver(till.market.url, till.gateway.event(payment, "captured"))
    (call,) = calls(till)
    till.market.perform(inbox._claim, call.id)
    assert marketcore("webhooks", "replay", call.id)[0] == 1
    assert till.read_payment(payment)["state"] == "pending"
    assert (calls(till)[0].attempts, replays(till)) == (1, [])


ROUTES = {
    **NOWHERE,
    "marketcore.plugins": "fakepay payments_mpesa",
    "fakepay.base_url": "http://127.0.0.1:1",
    "fakepay.secret": "s",
    "payments_mpesa.base_url": "http://127.0.0.1:1",
    "payments_mpesa.consumer_key": "k",
    "payments_mpesa.consumer_secret": "s",
    "payments_mpesa.shortcode": "174379",
    "payments_mpesa.passkey": "p",
    "payments.route.KES": "mpesa fakepay",
    "payments.route.KES-UG": "fakepay",
}


def routed(run, *options, **settings):
    """Ask without any server; return the exit code and the verdicts by provider."""
    changed = {**ROUTES, **{key.replace("__", "."): value for key, value in settings.items()}}
    code, said = run(changed, "payments", "route", "--dry-run", *options)
    lines = [line.split(maxsplit=1) for line in said.splitlines() if line.startswith("  ")]
    return code, dict(lines), said


def test_the_route_of_a_payment_is_explained_without_any_server(run):
    code, verdicts, said = routed(run, "--currency", "KES", "--amount", "100")
    assert code == 0
    assert said.startswith("100.00 KES:\n")
    assert verdicts["mpesa"] == "would serve it"
    assert verdicts["fakepay"] == "could, if the ones before it cannot"


def test_a_provider_that_cannot_is_explained_and_the_next_one_serves(run):
    code, verdicts, _said = routed(run, "--currency", "KES", "--amount", "99.50")
    assert (code, verdicts["fakepay"]) == (0, "would serve it")
    assert "only in multiples of 1.00" in verdicts["mpesa"]


@pytest.mark.parametrize("country", ["UG", "ug"])
def test_the_route_of_a_country_goes_before_that_of_the_currency(run, country):
    code, verdicts, said = routed(run, "--currency", "KES", "--amount", "100", "--country", country)
    assert (code, verdicts["fakepay"], verdicts["mpesa"]) == (0, "would serve it", "is not on the route")
    assert said.startswith("100.00 KES in UG:\n")


def test_a_drained_provider_serves_nothing_new(run):
    code, verdicts, _said = routed(run, "--currency", "KES", "--amount", "100", payments__drain="mpesa")
    assert (code, verdicts["fakepay"]) == (0, "would serve it")
    assert "is being drained" in verdicts["mpesa"]


def test_a_currency_without_a_route_is_said_so_and_is_a_failure(run):
    code, verdicts, said = routed(run, "--currency", "INR", "--amount", "100")
    assert (code, set(verdicts.values())) == (1, {"is not on the route"})
    assert "set payments.route.INR" in said


@pytest.mark.parametrize(
    "wrong", [("XYZ", "1"), ("KES", "1.234"), ("KES", "-1"), ("KES", "1e3"), ("kes", "x"), ("KES", "0")], ids=str
)
def test_what_is_no_money_is_one_line(run, wrong):
    code, _verdicts, said = routed(run, "--currency", wrong[0], f"--amount={wrong[1]}")
    assert code == 2
    assert len(said.splitlines()) == 1
    assert wrong[0] in said


def test_everything_that_waits_for_a_person_is_listed_oldest_first(till, marketcore):
    assert marketcore("payments", "exceptions") == (0, "nothing waits for a person\n")
    aside, lost = till.pay({}), None
    till.tell(aside, "captured", minor=49999)
    lost = till.buy()
    till.market.query("UPDATE payments SET state = 'unknown', reason = 'needs_review' WHERE id = :id", id=lost["id"])
    _payment, call_id = told(till)
    till.market.query("UPDATE webhook_inbox SET status = 'dead' WHERE id = :id", id=call_id)
    code, said = marketcore("payments", "exceptions")
    assert code == 0
    assert said.endswith("\n3 wait for a person\n")
    heads = [line for line in said.splitlines() if line.startswith("20")]
    assert sorted(line[18:31].strip() for line in heads) == ["payment", "set aside", "webhook"]
    assert heads == sorted(heads, key=lambda line: line[:16])
    assert "499.99 KES" in said
    assert f"POST /api/v1/payments/{aside['id']}/set-aside" in said
    assert f"marketcore webhooks replay {call_id}" in said
    till.market.query("UPDATE payments SET state = 'pending', reason = '' WHERE id = :id", id=lost["id"])


def test_reconciling_by_hand_says_how_many_differ_and_fails_if_any(make_till, run):
    till = make_till({"fakepay__features": "statement"})
    payment = till.pay({})
    till.gateway.settle(payment, "captured")
    till.tell(payment, "captured")
    line = till.gateway.book(payment)
    till.market.travel("2 hours")
    for options in ([], ["--provider", "fakepay"]):
        said = run(till.market.settings, "payments", "reconcile", *options)
        assert said == (0, "no differences\n")
    line["minor"] = 1
    code, said = run(till.market.settings, "payments", "reconcile", "--provider", "fakepay")
    assert (code, said.splitlines()[-1]) == (1, "1 differences: marketcore payments exceptions")
    assert f"clear up payment:{payment['id']} with fakepay" in run(till.market.settings, "payments", "exceptions")[1]


def test_a_provider_that_cannot_be_compared_is_one_line(make_till, run):
    till = make_till()
    code, said = run(till.market.settings, "payments", "reconcile", "--provider", "nobody")
    assert (code, len(said.splitlines())) == (2, 1)
    assert said.startswith("marketcore: no enabled plugin provides 'nobody': ")
    assert "fakepay" in said
    code, said = run(till.market.settings, "payments", "reconcile", "--provider", "fakepay")
    assert (code, "fakepay does not list what it did" in said) == (2, True)
