"""Seats in the video: for the host and the audience of a live stream, and nobody else."""

from __future__ import annotations

import pytest

from marketcore.config import configure
from marketcore.exceptions import ConfigurationError
from marketcore.redaction import is_secret
from marketcore_livestream.agora import AgoraVideo
from marketcore_livestream.video import FakeVideo

from .conftest import AGORA


def test_S9_host_and_audience_get_tokens_of_agora_and_renew_them(studio):
    project = AgoraVideo(AGORA["livestream.agora_app_id"], AGORA["livestream.agora_app_certificate"])
    stream = studio.stream(live=False)
    address = f"/livestreams/{stream['id']}/video_token"
    assert studio.seller.refused("POST", address, {"role": "host"}) == (409, "stream-not-live")
    studio.seller.ok("POST", f"/livestreams/{stream['id']}/start")
    ((now,),) = studio.market.query("SELECT market_clock()")
    seats = {
        role: person.ok("POST", address, {"role": role})
        for role, person in (("host", studio.seller), ("audience", studio.ann))
    }
    for role, person, rights in (("host", studio.seller, {1, 2, 3, 4}), ("audience", studio.ann, {1})):
        seat = seats[role]
        token = project.verify(seat["token"], int(now.timestamp()) + 5)
        assert (token.channel, token.uid, set(token.privileges)) == (seat["channel"], str(person.id), rights)
        assert (seat["provider"], seat["app_id"]) == ("agora", project.app_id)
        assert (seat["role"], seat["uid"]) == (role, person.id)
        assert set(token.privileges.values()) == {token.seconds} == {1800}
    assert seats["host"]["channel"] == seats["audience"]["channel"]
    renewed = studio.ann.ok("POST", address, {})
    assert renewed["token"] != seats["audience"]["token"]
    assert renewed["expires_at"] > seats["audience"]["expires_at"]
    for stranger in (studio.ann, studio.rival):
        assert stranger.refused("POST", address, {"role": "host"}) == (404, "not-found")
    assert studio.guest.post(f"/api/v1{address}", json={}).status_code == 401
    studio.finish()
    assert studio.ann.refused("POST", address, {}) == (409, "stream-not-live")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"video_provider": "agora"}, "livestream.agora_app_id"),
        ({"video_provider": "agora", "agora_app_id": "a" * 32}, "livestream.agora_app_certificate"),
        ({"video_provider": "agora", "agora_app_id": "short", "agora_app_certificate": "b" * 32}, "agora_app_id"),
        ({"video_provider": "telepathy"}, "agora, fake|fake"),
    ],
)
def test_S9_a_provider_that_cannot_work_stops_the_start(studio, settings, named):
    others = {key: value for key, value in studio.market.settings.items() if key not in AGORA}
    with pytest.raises(ConfigurationError, match=named):
        configure({**others, **{f"livestream.{key}": value for key, value in settings.items()}})
    assert is_secret("livestream.agora_app_certificate")


def test_S9_another_plugin_brings_its_own_provider(studio):
    class Carrier(FakeVideo):
        pass

    config = studio.market.config
    config.add_video_provider("carrier", Carrier())
    config.commit()
    shown = {one["introspectable"]["name"] for one in config.introspector.get_category("video providers")}
    assert {"agora", "fake", "carrier"} <= shown
