"""Letters: what is in them, how they leave, and what becomes of those that cannot."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from post import PostOffice, both, doorkeeper, nobody_listens
from structlog.testing import capture_logs

from marketcore.directives import table
from marketcore.jobs.failures import describe
from marketcore.jobs.running import run_waiting
from marketcore.notifications import letters, mail
from marketcore.notifications.jobs import forget_letters
from marketcore.notifications.rendering import Templates, Written
from marketcore.notifications.services import NotificationService
from marketcore.settings import section
from marketcore.testing.shop import register

HOSTILE = "<script>alert(1)</script>\r\nBcc: eve@example.com\r\n\r\n<b>"
DATA = {
    "order_id": 7,
    "total": "KES 1.00",
    "carrier": HOSTILE,
    "tracking_number": HOSTILE,
    "reason": HOSTILE,
    "standing": 2,
    "kind": "unpaid",
    "token_id": HOSTILE,
    "hours": 1,
    "minutes": 1,
    "headline": HOSTILE,
    "what": HOSTILE,
}


def test_M11_M17_every_template_renders_in_both_forms_with_everything_escaped(town):
    types = table(town.market.registry, "notification types")
    folders = {name: type.templates for name, type in types.items()}
    site = {"name": "Soko", "url": "https://shop.example"}
    templates = Templates(folders, site, town.market.registry["secrets"].code)
    assert len(types) > 10
    for name in types:
        written = templates.letter(name, [DATA, DATA], {"name": HOSTILE})
        assert written.subject, name
        assert "\n" not in written.subject + templates.line(name, DATA), name
        assert "<script" not in written.html, name
        assert "<b>" not in written.html, name
        assert "&lt;script&gt;" in written.html or name in ("gazette.alarm",), name
        assert templates.line(name, DATA), name
        message = mail.compose(written, "ann@example.com", {"site_name": "Soko", "sender": "post@shop.example"})
        read = bytes(message).partition(b"\n\n")[0].decode()
        assert "\nBcc" not in read, name


def test_M11_a_hostile_name_is_text_and_adds_no_header(town):
    ann = town.person(first_name="<script>alert(1)</script>")
    town.tell(ann, "gazette.edition", headline="Rain\r\nBcc: eve@example.com\nX: y")
    town.later()
    town.deliver()
    (letter,) = ann.letters
    assert letter["Subject"] == "1 news, such as Rain Bcc: eve@example.com X: y"
    assert letter["Bcc"] is None
    plain, page = both(letter)
    assert "Dear <script>alert(1)</script>," in plain
    assert "Dear &lt;script&gt;alert(1)&lt;/script&gt;," in page
    assert "<script" not in page
    assert 'href="https://shop.example/news?about=Rain%0D%0ABcc' in page


def test_M11_without_pages_for_people_letters_have_no_links(town):
    types = table(town.market.registry, "notification types")
    templates = Templates({"order.paid": types["order.paid"].templates}, {"name": "Soko", "url": ""})
    written = templates.letter("order.paid", [DATA], {"name": "Ann"})
    assert "href" not in written.html
    assert "See the order" not in written.text + written.html


def test_K8_repeated_events_are_gathered_into_one_letter_until_it_is_taken(town):
    ann = town.person()
    for headline in ("rain", "sun"):
        town.tell(ann, "gazette.edition", headline=headline)
    assert town.deliver() == 0, "a digest waits for what may follow"
    town.later()
    assert town.deliver() == 1
    town.tell(ann, "gazette.edition", headline="snow")
    town.later()
    town.deliver()
    first, second = ann.letters
    assert (first["Subject"], second["Subject"]) == ("2 news, such as sun", "1 news, such as snow")
    assert "- rain\n- sun\n" in both(first)[0]


def test_K8_a_digest_that_is_on_its_way_gathers_nothing_more(town):
    ann = town.person()
    town.tell(ann, "gazette.edition", headline="rain")
    town.settings["smtp_port"] = nobody_listens()
    town.later()
    with pytest.raises(ConnectionRefusedError):
        town.deliver()
    town.tell(ann, "gazette.edition", headline="sun")
    town.settings["smtp_port"] = town.office.port
    town.later()
    town.deliver()
    assert [letter["Subject"] for letter in ann.letters] == ["1 news, such as rain", "1 news, such as sun"]


def test_K8_a_digest_keeps_the_newest_fifty(town):
    ann = town.person()

    def tell_all(request):

        for number in range(53):
            data = {"headline": f"number {number}"}
            request.find_service(NotificationService).notify(ann.id, "gazette.edition", data)

    town.market.perform(tell_all)
    ((items,),) = town.market.query("SELECT items FROM letters WHERE user_id = :id", id=ann.id)
    assert [item["headline"] for item in items] == [f"number {number}" for number in range(3, 53)]


def test_what_is_no_digest_is_a_letter_each(town):
    ann = town.person()
    for reason in ("first", "second"):
        town.tell(ann, "account.blocked", reason=reason)
    town.deliver()
    assert [both(letter)[0].count("first") for letter in ann.letters] == [1, 0]


def test_M14_a_mail_server_that_is_away_delays_letters_and_nothing_else(town):
    ann = town.person()
    town.settings["smtp_port"] = nobody_listens()
    town.tell(ann, "account.blocked", reason="fraud")
    assert ann.told() == ["account.blocked"]
    with pytest.raises(ConnectionRefusedError):
        town.deliver()
    (job,) = town.jobs()
    assert (job.attempts, job.dead_at) == (1, None)
    assert "ConnectionRefusedError" in job.last_error
    assert town.deliver() == 0, "it waits before it tries again"
    town.settings["smtp_port"] = town.office.port
    town.later()
    assert town.deliver() == 1
    assert len(ann.letters) == 1
    (letter,) = town.letters(ann)
    assert (letter.state, letter.items) == ("sent", [])


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_M14_a_refusal_for_now_is_tried_again(town, stage):
    ann = town.person()
    town.tell(ann, "account.blocked", reason="fraud")
    town.office.answers[stage] = "451 come back later"
    with pytest.raises(Exception, match="come back later"):
        town.deliver()
    town.later()
    town.deliver()
    assert len(ann.letters) == 1


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_M14_a_refusal_for_good_is_asked_for_once(town, stage):
    ann = town.person()
    town.tell(ann, "account.blocked", reason="fraud")
    town.office.answers[stage] = f"550 no {ann.email} here"
    with capture_logs() as logs:
        assert town.deliver() == 1
    (letter,) = town.letters(ann)
    assert (letter.state, letter.items, town.jobs()) == ("refused", [], [])
    (told,) = [line for line in logs if line["event"] == "letter_refused"]
    assert told["reason"] == "the mail server refuses it with 550"
    assert ann.email not in str(logs)
    assert ann.told() == ["account.blocked"]


def test_M14_a_letter_whose_arrival_was_never_heard_of_is_sent_again(town):
    ann = town.person()
    town.tell(ann, "account.blocked", reason="fraud")
    town.office.answers["lost"] = True
    with pytest.raises(Exception, match=r"(?i)closed|reset|lost"):
        town.deliver()
    (letter,) = town.letters(ann)
    assert letter.state == "taken"
    town.later()
    town.deliver()
    assert len(ann.letters) == 2


def test_M14_a_letter_that_was_taken_by_a_process_that_died_is_sent(town, monkeypatch):
    ann = town.person()
    town.tell(ann, "account.blocked", reason="fraud")

    def die(name):
        if name == "notifications.taken":
            raise KeyboardInterrupt

    monkeypatch.setattr(letters, "crash_point", die)
    with pytest.raises(KeyboardInterrupt):
        town.deliver()
    monkeypatch.undo()
    assert (town.letters(ann)[0].state, ann.letters) == ("taken", [])
    town.deliver()
    assert (town.letters(ann)[0].state, len(ann.letters)) == ("sent", 1)


def test_M14_a_letter_that_never_leaves_is_a_dead_job_that_an_operator_sees_and_repeats(town):
    ann = town.person()
    town.settings["smtp_port"] = nobody_listens()
    town.tell(ann, "account.blocked", reason="fraud")
    for _ in range(10):
        town.later()
        with pytest.raises(ConnectionRefusedError):
            town.deliver()
    town.later()
    assert town.deliver() == 0
    (job,) = town.jobs()
    assert (job.attempts, job.dead_at is not None) == (10, True)
    assert "ConnectionRefusedError" in job.last_error
    town.settings["smtp_port"] = town.office.port
    town.market.query("UPDATE jobs SET dead_at = NULL, attempts = 0, run_at = market_clock() WHERE id = :id", id=job.id)
    town.deliver()
    assert len(ann.letters) == 1


def test_M17_K8_a_text_message_goes_to_those_with_a_number_and_says_the_line(town, pigeons):
    ann, ben = town.person(phone="+254712345678"), town.person()
    pigeons.ill = True
    for person in (ann, ben):
        town.tell(person, "gazette.alarm", what="fire\nflood")
    with pytest.raises(ConnectionError):
        town.deliver()
    pigeons.ill = False
    town.later()
    town.deliver()
    (letter,) = town.letters(ann)
    assert pigeons.sent == [("+254712345678", "Alarm: fire flood", str(letter.id))]
    assert town.letters(ben) == []


def test_without_a_provider_no_text_message_is_written(make_market):

    market = make_market("gazette")
    user_id = register(market, "buyer")["user"]["id"]
    market.query("UPDATE users SET phone = '+254712345678'")
    market.perform(
        lambda request: request.find_service(NotificationService).notify(user_id, "gazette.alarm", {"what": "fire"})
    )
    assert market.query("SELECT 1 FROM letters WHERE channel = 'sms'") == []


def test_letters_that_ended_are_forgotten_after_their_time(town):
    ann = town.person()
    for age in ("31 days", "29 days"):
        town.tell(ann, "account.blocked", reason=age)
        town.deliver()
        town.market.query(
            "UPDATE letters SET ended_at = market_clock() - CAST(:age AS interval) WHERE ended_at > market_clock()"
            " - interval '1 minute'",
            age=age,
        )
    town.tell(ann, "account.blocked", reason="waits")
    town.market.perform(forget_letters)
    assert [letter.state for letter in town.letters(ann)] == ["sent", "waiting"]
    town.market.query("UPDATE letters SET created_at = market_clock() - interval '61 days' WHERE state = 'waiting'")
    town.market.perform(forget_letters)
    assert [letter.state for letter in town.letters(ann)] == ["sent"]
    assert town.deliver() == 1, "the job of a letter that is gone ends quietly"


def test_without_a_mail_server_letters_are_files(make_market):

    market = make_market()
    person = register(market, "buyer")
    run_waiting(market.registry)
    (file,) = (Path(section(market.registry, "marketcore")["data_dir"]) / "mail").iterdir()
    assert f"To: {person['user']['email']}" in file.read_text()
    assert file.suffix == ".eml"


def test_K8_in_development_text_messages_are_files(make_market):

    market = make_market("gazette", notifications__sms_provider="files")
    user_id = register(market, "buyer")["user"]["id"]
    market.query("UPDATE users SET phone = '+254712345678'")
    market.perform(
        lambda request: request.find_service(NotificationService).notify(user_id, "gazette.alarm", {"what": "fire"})
    )
    run_waiting(market.registry)
    (file,) = (Path(section(market.registry, "marketcore")["data_dir"]) / "sms").iterdir()
    assert file.read_text() == "To: +254712345678\n\nAlarm: fire\n"


WRITTEN = Written("Hello", "Hello\n", "<p>Hello</p>")
PASSWORD = "letters please"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return (file, TLS context of a server) of a certificate that no authority knows."""
    import ssl
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("post") / "post.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


def settings_of(office, **more):
    return {
        "site_name": "Soko",
        "sender": "post@shop.example",
        "smtp_host": "127.0.0.1",
        "smtp_port": office.port,
        "smtp_security": "starttls",
        "smtp_user": "market",
        "smtp_password": PASSWORD,
        "smtp_ca_file": "",
        **more,
    }


def post(settings):
    mail.send(mail.compose(WRITTEN, "ann@example.com", settings), settings, None)


def test_letters_leave_encrypted_and_by_name(certificate):
    file, context = certificate
    with PostOffice(tls_context=context, require_starttls=True, authenticator=doorkeeper, auth_required=True) as office:
        post(settings_of(office, smtp_ca_file=str(file)))
        assert office.secured == [(True, b"market")]


def test_nothing_is_told_to_a_server_that_cannot_prove_who_it_is(certificate):
    import ssl

    with PostOffice(tls_context=certificate[1], authenticator=doorkeeper) as office:
        with pytest.raises(ssl.SSLCertVerificationError):
            post(settings_of(office))
        assert office.letters == []


def test_nothing_leaves_in_the_clear_where_encryption_is_asked_for():
    import smtplib

    with PostOffice() as office:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            post(settings_of(office))
        assert office.letters == []


def test_a_wrong_password_is_the_operators_to_mend_and_never_shown(certificate):
    import smtplib
    import traceback

    file, context = certificate
    said, word = io.StringIO(), "no-" + "such-word"
    with PostOffice(tls_context=context, require_starttls=True, authenticator=doorkeeper, auth_required=True) as office:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught, contextlib.redirect_stderr(said):
            post(settings_of(office, smtp_ca_file=str(file), smtp_password=word))
        assert office.letters == []
    assert word not in said.getvalue() + "".join(traceback.format_exception(caught.value)) + describe(caught.value)
