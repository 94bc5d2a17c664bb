"""Who listens: what is told of comings and goings, and under which names."""

from __future__ import annotations

from marketcore.live.hub import Hub
from marketcore.live.presence import Keys, Presence, changes, viewer


def test_what_has_changed_is_told_in_order():
    assert changes({"user 1", "user 2"}, {"user 2", "user 4", "user 3"}) == (["user 3", "user 4"], ["user 1"])
    assert changes((), ()) == ([], [])


def test_the_hub_knows_which_channels_somebody_is_in_or_about_to_be():
    hub = Hub()
    hub.join("ann", "stream:1")
    hub.join("ben", "stream:1")
    hub.join("ben", "stream:2")
    assert hub.channels() == ("stream:1", "stream:2")
    hub.forget("ben")
    assert hub.channels() == ("stream:1",)


def test_a_person_is_counted_for_as_long_as_they_are_held_and_in_their_own_marketplace(servers):
    def presence(database):
        sections = {"marketcore": {"database_url": f"postgresql://127.0.0.1/{database}"}}
        return Presence(servers[1], Keys({"settings_sections": sections}))

    here, elsewhere = presence("presence_here"), presence("presence_elsewhere")
    here.hold("room:1", 7, 60)
    here.hold("room:1", 7, 60)
    here.hold("room:1", 8, 60)
    here.hold("room:2", 7, 0)
    assert here.counts(["room:1", "room:2", "room:3"]) == [2, 0, 0]
    assert elsewhere.counts(["room:1"]) == [0]
    here.let_go("room:1", 8)
    assert here.counts(["room:1"]) == [1]
    here.let_go("room:1", 7)
    assert (here.counts(["room:1"]), here.counts([]), viewer(7)) == ([0], [], "user 7")
    here.close()
    elsewhere.close()
