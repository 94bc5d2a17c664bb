"""Logs: one form for the platform and its libraries, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
import warnings

import pytest
import structlog

from marketcore.logging import configure_logging
from marketcore.redaction import redact_call, redact_text
from marketcore.testing.logs import log_plainly

CANARY = "canary-7c1f9e"


@pytest.fixture
def logged():
    """Return ``logged(process, **settings)``: configure the log into a text that is read back."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)

    def start(process="", log_format="json", log_level="info"):
        stream = io.StringIO()
        configure_logging({"log_format": log_format, "log_level": log_level}, process=process, stream=stream)
        return stream

    yield start
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    log_plainly()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_have_one_form(logged):
    stream = logged("web")
    structlog.get_logger("marketcore.orders").info("order_placed", order_id=5)
    logging.getLogger("waitress").warning("queue depth is %d", 3)
    ours, theirs = lines(stream)
    assert ours["event"] == "order_placed"
    assert ours["order_id"] == 5
    assert theirs["event"] == "queue depth is 3"
    for line in (ours, theirs):
        assert line["process"] == "web"
        assert line["timestamp"].endswith("Z")
    assert (ours["logger"], theirs["logger"]) == ("marketcore.orders", "waitress")
    assert (ours["level"], theirs["level"]) == ("info", "warning")


def test_the_level_holds_for_both(logged):
    stream = logged(log_level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("waitress").info("quiet")
    structlog.get_logger().warning("loud")
    logging.getLogger("waitress").warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud", "loud"]


def test_libraries_that_log_every_address_are_heard_from_warnings_on(logged):
    stream = logged()
    logging.getLogger("httpx").info("GET https://provider.example/?key=%s", CANARY)
    assert stream.getvalue() == ""


def test_warnings_of_python_are_lines_of_the_log(logged):
    stream = logged()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old spelling", DeprecationWarning, stacklevel=1)
    assert "old spelling" in lines(stream)[0]["event"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "fields",
    [
        {"password": CANARY},
        {"new_password": CANARY},
        {"refresh_token": CANARY},
        {"token": CANARY.encode()},
        {"Authorization": f"Bearer {CANARY}"},
        {"headers": {"authorization": f"Basic {CANARY}", "Cookie": f"a={CANARY}"}},
        {"providers": [{"credentials": {"consumer_key": CANARY, "consumer_secret": CANARY, "passkey": CANARY}}]},
        {"otp": CANARY, "pin": CANARY, "cvv": CANARY},
        {"header": f"Authorization: Bearer {CANARY}"},
        {"url": f"postgresql://shop:{CANARY}@db.example/shop"},
        {"address": f"https://shop.example/reset?token={CANARY}&next=/"},
        {"body": f'{{"password": "{CANARY} with blanks", "email": "a@b.example"}}'},
        {"document": b'{"api_key": "' + CANARY.encode() + b'"}'},
        {"values": ({"secret": CANARY},)},
        {"thing": ValueError(f"passkey={CANARY}")},
        {"jwt_text": f"eyJhbGciOiJIUzI1NiJ9.{CANARY.replace('-', '')}.sig{CANARY.replace('-', '')}"},
    ],
    ids=str,
)
def test_no_secret_is_logged_whatever_it_hides_in(logged, log_format, fields):
    stream = logged(log_format=log_format)
    structlog.get_logger().info("something", **fields)
    logging.getLogger("library").warning("given %s", fields, extra={"given": fields})
    assert "something" in stream.getvalue()
    assert CANARY not in stream.getvalue()
    assert CANARY.replace("-", "") not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_neither_variables_nor_secrets(logged, log_format):
    stream = logged(log_format=log_format)

    def connect(dsn):
        plain = f"local {CANARY}"
        raise ConnectionError(f"{dsn} refused {len(plain)}")

    try:
        connect(f"postgresql://shop:{CANARY}@db.example/shop")
    except ConnectionError:
        structlog.get_logger().exception("database_lost")
        logging.getLogger("library").exception("database lost")
    assert stream.getvalue().count("ConnectionError") >= 2
    assert CANARY not in stream.getvalue()


def test_the_parameters_of_a_failed_statement_are_not_logged(logged):
    from sqlalchemy.exc import IntegrityError

    stream = logged()
    error = IntegrityError("INSERT INTO users VALUES (%(hash)s)", {"hash": CANARY}, ValueError("duplicate"))
    logging.getLogger("library").error("failed", exc_info=error)
    assert "INSERT INTO users" in stream.getvalue()
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize(
    "text", ["shipping=express", "the order was paid", "basic", "a token was used", "http://127.0.0.1:8000/x", "a: b"]
)
def test_what_is_no_secret_stays(text):
    assert redact_text(text) == text


def test_configuring_twice_does_not_log_twice(logged):
    logged()
    stream = logged()
    structlog.get_logger().info("once")
    assert len(lines(stream)) == 1


@pytest.mark.parametrize("word", ["token", "phone", "://", "x.", "://a:", "eyJ"])
def test_long_words_cost_their_length_and_not_its_square(word):
    """A square would take the better part of an hour here, in every process that logs what somebody sent."""
    text = word * (500_000 // len(word))
    assert redact_call(text) == text
