from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore.live.channels import LARGEST_NUMBER, Channels

CHANNELS = Channels(
    {
        "order:{order_id}": "/track_order/{order_id}",
        "user:{user_id}": None,
        "thread:{thread_id}:user:{user_id}": "/ws/threads/{thread_id}/users/{user_id}",
        "announcements": "/ws/announcements",
    }
)


@given(st.integers(1, LARGEST_NUMBER))
def test_a_number_is_read_back_from_the_name_and_the_path(number: int) -> None:
    match = CHANNELS.match(f"order:{number}")
    assert match is not None
    assert (match.pattern, match.params) == ("order:{order_id}", {"order_id": number})
    assert CHANNELS.at_path(f"/track_order/{number}") == match


def test_several_parameters_and_none_at_all_are_possible() -> None:
    match = CHANNELS.at_path("/ws/threads/7/users/9")
    assert match is not None
    assert match.name == "thread:7:user:9"
    assert match.params == {"thread_id": 7, "user_id": 9}
    plain = CHANNELS.match("announcements")
    assert plain is not None
    assert plain.params == {}


def test_a_trailing_slash_is_tolerated_in_a_path() -> None:
    assert CHANNELS.at_path("/track_order/7/") == CHANNELS.at_path("/track_order/7") is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "order",
        "order:",
        "order:0",
        "order:07",
        "order:-1",
        "order:+1",
        "order:1.0",
        "order:1e3",
        "order: 1",
        "order:1\n",
        "order:1:2",
        "order:٣",
        f"order:{LARGEST_NUMBER + 1}",
        "order:99999999999999999999",
        "order:{order_id}",
        "ORDER:1",
        "orders:1",
        "xorder:1",
        "user:1/../order:1",
        "announcements:1",
        "announcements" + "s" * 200,
    ],
)
def test_a_guessed_name_is_nothing(name: str) -> None:
    assert CHANNELS.match(name) is None


@given(st.text(max_size=40))
def test_arbitrary_text_is_nothing(text: str) -> None:
    if CHANNELS.match(text) is not None:
        assert text == "announcements" or text.partition(":")[0] in ("order", "user", "thread")


@pytest.mark.parametrize(
    "path",
    ["", "/", "//", "/track_order", "/track_order/", "/track_order/0", "/track_order/7//", "/track_order/7/x", "/x"],
)
def test_an_unknown_path_is_nothing(path: str) -> None:
    assert CHANNELS.at_path(path) is None


@pytest.mark.parametrize("pattern", ["", "Order:{id}", "order{id}", "a:{x}:{x}", "a:", ":a", "a b", "a:{}", "a" * 121])
def test_a_malformed_pattern_is_refused_with_its_name(pattern: str) -> None:
    with pytest.raises(ValueError, match="channel"):
        Channels({pattern: None})


@pytest.mark.parametrize(
    "path", ["", "order/{order_id}", "/order", "/order/{order_id}/", "/order/{other}", "/o?{order_id}"]
)
def test_a_path_must_carry_the_parameters_of_its_channel(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        Channels({"order:{order_id}": path})


def test_two_patterns_for_the_same_names_are_refused() -> None:
    with pytest.raises(ValueError, match="same names"):
        Channels({"order:{order_id}": None, "order:{id}": None})
    with pytest.raises(ValueError, match="same names"):
        Channels({"order:{order_id}": "/a/{order_id}", "user:{user_id}": "/a/{user_id}"})
