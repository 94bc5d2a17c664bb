"""What a provider is configured with, and what its calls carry, ends in no table, log line, job or refusal."""

from __future__ import annotations

import io
import json
import logging

import pytest
from gateway import SECRET, call

from marketcore.logging import configure_logging
from marketcore.payments.operations import provider_called
from marketcore.testing.logs import log_plainly

CANARY = "Canary-91c04e77"
HEADERS = {
    "Authorization": f"Bearer {CANARY}-bearer",
    "Cookie": f"session={CANARY}-cookie",
    "X-Api-Key": f"{CANARY}-key",
    "User-Agent": "fakepay/1.0",
}


@pytest.fixture
def logged():
    """Return what has been logged since the test began, as it leaves the process."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging({"log_level": "debug", "log_format": "json"}, stream=stream)
    yield stream.getvalue
    logging.captureWarnings(False)
    log_plainly()
    root.handlers[:], root.level = handlers, level


def broken(*_arguments):
    """What a careless client raises: its request, with everything that was in it."""
    raise RuntimeError(
        f"POST https://user:{CANARY}-password@bank/ Authorization: Bearer {CANARY}-bearer secret={SECRET!r}"
    )


def everything(till):
    """Return every row of every table as text; bodies are bytes and are shown as what they say."""
    tables = [name for (name,) in till.market.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    rows = {table: till.market.query(f'SELECT CAST(t AS text) FROM "{table}" t') for table in tables}
    return {table: "\n".join(text for (text,) in found) for table, found in rows.items()}


def test_of_a_calls_headers_only_the_known_ones_are_kept(till):
    payment = till.pay({})
    body, signed = call(till.gateway.event(payment, "captured"))
    with till.market.client() as http:
        assert http.post("/hooks/fp", content=body, headers={**signed, **HEADERS}).status_code == 200
    ((kept,),) = till.market.query("SELECT headers FROM webhook_inbox")
    assert {name.lower() for name in kept} == {"content-type", "user-agent"}


def test_secrets_of_a_provider_and_its_calls_stay_where_they_are(till, logged, monkeypatch):
    provider, answers = provider_called(till.market.registry, "fakepay"), []
    signature = ""
    with till.market.client() as http:
        payment = till.pay({})
        body, signed = call(till.gateway.event(payment, "captured"))
        signature = signed["X-Fakepay-Signature"]
        answers += [
            http.post("/hooks/fp", content=body + b" ", headers={**signed, **HEADERS}),
            http.post("/hooks/fp", content=b"{", headers={**signed, **HEADERS}),
            http.post("/hooks/nobody", content=body, headers={**signed, **HEADERS}),
        ]
        assert http.post("/hooks/fp", content=body, headers={**signed, **HEADERS}).status_code == 200
        monkeypatch.setattr(provider, "translate", broken)
        till.work()
        for method in ("start", "fetch"):
            monkeypatch.setattr(provider, method, broken)
        till.ask_now()
        till.market.query("UPDATE payments SET state = 'failed', next_check_at = NULL")
        answers.append(till.start_payment({}))
    assert [answer.status_code for answer in answers] == [401, 401, 404, 202]
    assert till.market.query("SELECT status FROM webhook_inbox") == [("failed",)]
    told = {"log": logged(), **{f"answer of {answer.url}": answer.text for answer in answers}, **everything(till)}
    assert json.loads(told["log"].splitlines()[0])
    assert "provider_call_failed" in told["log"]
    for place, text in told.items():
        for secret in (CANARY, SECRET, signature):
            assert secret not in text, f"{secret} is in {place}"
