"""What needs neither a database nor a server: methods, waiting, codes of apps, secrets at rest, settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import colander
import pytest
from cryptography.exceptions import InvalidTag

from marketcore_two_factor import rules, totp
from marketcore_two_factor.sealing import Seal
from marketcore_two_factor.settings import TwoFactorSettings

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B


@pytest.mark.parametrize(
    ("factors", "unused", "required", "methods"),
    [
        ([], 0, False, []),
        ([], 0, True, ["email"]),
        ([], 10, False, []),
        (["totp"], 0, True, ["totp"]),
        (["totp", "email"], 3, False, ["email", "totp", "recovery_code"]),
    ],
)
def test_K8_methods_follow_from_what_is_set_up_and_what_is_required(factors, unused, required, methods):
    assert rules.methods_of(factors, unused, required=required) == methods


@pytest.mark.parametrize(
    ("wrong", "minutes_ago", "seconds"), [(4, 1, 0), (5, 0, 3600), (5, 59, 60), (5, 60, 0), (9, 61, 0)]
)
def test_K8_the_wait_ends_an_hour_after_the_first_wrong_code(wrong, minutes_ago, seconds):
    since = NOON - timedelta(minutes=minutes_ago)
    assert rules.seconds_to_wait(wrong, since, NOON, tries=5, wait=HOUR) == seconds


@pytest.mark.parametrize(("seconds", "digits"), [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")])
def test_K8_codes_are_those_of_the_standard(seconds, digits):
    now = datetime.fromtimestamp(seconds, UTC)
    assert totp.matching_step(RFC_SECRET, digits[2:], now, after=0) == seconds // 30


@pytest.mark.parametrize(("drift", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_K8_a_telephones_clock_may_be_one_step_off_and_a_step_counts_once(drift, taken):
    now = datetime.fromtimestamp(1111111109, UTC)
    step = totp.matching_step(RFC_SECRET, "081804", now + timedelta(seconds=drift), after=0)
    assert step == (1111111109 // 30 if taken else None)
    assert totp.matching_step(RFC_SECRET, "081804", now, after=1111111109 // 30) is None


def test_K8_what_people_type_is_read_as_it_was_meant():
    assert rules.plain_code(" 123-456 ") == "123456"
    code = totp.new_recovery_code(rules.RECOVERY_ALPHABET)
    assert rules.plain_code(rules.shown_recovery_code(code).lower()) == code


def test_K8_a_secret_is_readable_with_the_platforms_key_for_its_owner_alone():
    seal, other = Seal(b"k" * 32, b"h" * 32), Seal(b"o" * 32, b"h" * 32)
    sealed = seal.seal(RFC_SECRET, 7)
    assert RFC_SECRET.encode() not in sealed
    assert seal.open(sealed, 7) == RFC_SECRET
    for wrong, owner in ((seal, 8), (other, 7)):
        with pytest.raises(InvalidTag):
            wrong.open(sealed, owner)
    assert seal.hash("ABCDEFGHIJ", 7) != seal.hash("ABCDEFGHIJ", 8)


def test_K8_a_role_that_does_not_exist_stops_the_start():
    with pytest.raises(colander.Invalid, match="emperor is no role"):
        TwoFactorSettings().deserialize({"required_roles": "admin emperor"})
