"""What one listener of a channel has heard: drops what comes twice, notices what is missing. Needs no socket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Frame = dict[str, Any]


class StreamLost(Exception):
    """What was missed in ``channel`` cannot be told: begin again from ``snapshot``, or load the resource if it is None.

    A resource that was loaded is gone on with by ``subscribe(channel, since=document["stream"])``.
    """

    def __init__(self, channel: str, snapshot: Mapping[str, Any] | None) -> None:
        super().__init__(f"events of {channel} were missed for good: begin again from its snapshot or resource")
        self.channel = channel
        self.snapshot = snapshot


def place(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the position ``{"epoch", "offset"}`` out of anything that has one."""
    return {"epoch": document["epoch"], "offset": document["offset"]}


@dataclass(eq=False)
class Listener:
    """One channel's listener. ``joined`` says whether frames count; it is false after a gap, until ``begin``."""

    channel: str
    position: dict[str, Any] | None = None
    asked: bool = False  # whether the gateway of this connection was asked for the channel
    joined: bool = False
    faults: int = 0  # gaps since the stream last went on as it should
    begun: Frame | None = None
    refusal: Exception | None = None

    def part(self) -> None:
        """Take note that the connection has ended."""
        self.asked = self.joined = False

    def begin(self, frame: Frame) -> Iterator[Frame | StreamLost]:
        """Take a ``subscribed`` frame and yield what is new, a loss first."""
        first, self.joined = self.begun is None, True
        if first:
            self.begun = {key: value for key, value in frame.items() if key not in {"op", "events"}}
        if self.position is None or not frame["recovered"]:
            snapshot = frame.get("snapshot")
            self.position = place(frame if snapshot is None else snapshot["stream"])
            if not first:
                yield StreamLost(self.channel, snapshot)
        self.position["epoch"] = self.position["epoch"] or frame["epoch"]
        yield from self.take(*frame.get("events", ()))
        self.joined = self.joined and self.position["offset"] >= frame["offset"]
        if self.joined and frame["recovered"]:
            self.faults = 0

    def take(self, *events: Frame) -> Iterator[Frame]:
        """Take ``event`` frames and yield those that are new, up to a gap; each with its epoch, to resume from."""
        for event in events:
            if not self.joined or self.position is None:
                return
            ahead = event["offset"] - self.position["offset"]
            self.joined = ahead <= 1
            if ahead == 1:
                self.position["offset"] = event["offset"]
                self.faults = 0
                yield {**event, "epoch": self.position["epoch"]}


def without(channel: str, items: Iterable[Frame | Exception]) -> Iterator[Frame | Exception]:
    """Yield ``items`` except the events and losses of ``channel``."""
    for item in items:
        of = item.get("channel") if isinstance(item, dict) else getattr(item, "channel", None)
        if of != channel:
            yield item
