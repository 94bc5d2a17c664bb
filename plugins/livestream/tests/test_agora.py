"""Agora's tokens: the published example, the other implementation there is, and tokens that are none."""

from __future__ import annotations

import importlib
import warnings

import pytest

from marketcore_livestream.agora import AgoraVideo, parse, unpack
from marketcore_livestream.video import uid_of

CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
PROJECT = AgoraVideo("970CA35de60c44645bbae8a215061b33", CERTIFICATE)
CHANNEL, UID, ISSUED = "7d72365eb983485397e3e3f9d460bdda", 2882341273, 1111111
# The contents of the token that Agora publishes for exactly this (deflated bytes differ between builds of zlib).
SIGNATURE = "16a0b84c5a5e82cbf74fb813d09f59c54bdac9c06120580539ac97578e958b1a"
BODY = (
    b" \x00970CA35de60c44645bbae8a215061b33" + bytes.fromhex("47f41000 58020000 01000000 0100 0100 0100 0100 58020000")
) + b" \x007d72365eb983485397e3e3f9d460bdda\n\x002882341273"


def test_S9_a_token_is_byte_for_byte_the_one_that_agora_publishes():
    token = PROJECT.sign(CHANNEL, UID, {1: 600}, ISSUED, 600, 1)
    assert token.startswith("007eJxTYBBbsMMn")
    assert unpack(token) == b" \x00" + bytes.fromhex(SIGNATURE) + BODY


@pytest.mark.parametrize(("publishes", "role"), [(True, "Role_Publisher"), (False, "Role_Subscriber")])
def test_S9_hosts_and_audience_get_what_another_implementation_gives_them(publishes, role):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the older forms that the package has too
        tools = importlib.import_module("agoraiotools.RtcTokenBuilder2")
    given = (PROJECT.app_id, CERTIFICATE, CHANNEL, 77, getattr(tools, role), 900, 900)
    theirs = tools.RtcTokenBuilder.build_token_with_uid(*given)
    said = PROJECT.verify(theirs, parse(theirs).issued_at)
    ours = PROJECT.token(CHANNEL, 77, publishes=publishes, issued_at=said.issued_at, seconds=900)
    assert parse(ours).privileges == said.privileges
    again = PROJECT.sign(CHANNEL, 77, parse(ours).privileges, said.issued_at, 900, said.salt)
    assert unpack(again) == unpack(theirs)


def test_S9_a_token_is_believed_by_its_project_in_its_time_only():
    token = PROJECT.token(CHANNEL, 5, publishes=False, issued_at=ISSUED, seconds=60)
    found = PROJECT.verify(token, ISSUED + 59)
    assert (found.channel, found.uid, found.privileges) == (CHANNEL, "5", {1: 60})
    forged = AgoraVideo(PROJECT.app_id, "f" * 32).token(CHANNEL, 5, publishes=True, issued_at=ISSUED, seconds=60)
    other = AgoraVideo("e" * 32, "f" * 32).token(CHANNEL, 5, publishes=True, issued_at=ISSUED, seconds=60)
    for token_, now in ((token, ISSUED + 60), (token, ISSUED - 1), (forged, ISSUED), (other, ISSUED)):
        with pytest.raises(ValueError, match=r"token|signature"):
            PROJECT.verify(token_, now)
    for broken in ("", "006abc", "007", "007####", token[:-12], "007eJw="):
        with pytest.raises(ValueError, match=r"."):
            parse(broken)


def test_S9_nobody_is_number_zero():
    assert [uid_of(id) for id in (1, 2, 2**32 - 1, 2**32, 2**63 - 1)][:3] == [1, 2, 2**32 - 1]
    assert all(0 < uid_of(id) < 2**32 for id in (1, 2**32 - 1, 2**32, 2**33 - 2, 2**63 - 1))
    with pytest.raises(ValueError, match="0 would let anybody in"):
        PROJECT.token(CHANNEL, 0, publishes=False, issued_at=ISSUED, seconds=60)
    for channel, seconds in (("", 60), ("c" * 64, 60), (CHANNEL, 86_401)):
        with pytest.raises(ValueError, match="at most 63 bytes"):
            PROJECT.token(channel, 1, publishes=False, issued_at=ISSUED, seconds=seconds)
