"""Who belongs to a conversation, and what a text may be made of. Pure."""

from __future__ import annotations

import re

LONGEST_TEXT = 3000
LONGEST_STATUS = 500
MOST_ATTACHMENTS = 5
SHORTEST_PREFIX = 2
# Control characters but tab and line feed, and the two that turn the direction of what follows around.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")


def pair(one: int, other: int) -> tuple[int, int]:
    """Return the two ids, the lower first; ``ValueError`` if they are the same."""
    if one == other:
        raise ValueError(f"user {one} and user {other} are the same: a conversation has two members")
    return (one, other) if one < other else (other, one)


def one_way_of_ending_lines(text: str) -> str:
    """Return ``text`` with every line ended by a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_writable(text: str) -> bool:
    """Whether ``text`` has none of the characters that no message may have."""
    return _FORBIDDEN.search(text) is None


def end_of_prefix(prefix: str) -> str:
    """Return the first text, in the order of bytes, behind all that begin with ``prefix``, which is of ASCII."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
