"""Who carries the video of streams: the contract, the directive that adds a provider, and a fake one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from marketcore.db import clock
from marketcore.directives import table
from marketcore.exceptions import ConfigurationError, NotFound
from marketcore.settings import section
from marketcore_livestream.agora import AgoraVideo
from marketcore_livestream.guests import GuestService

Role = Literal["host", "audience"]
LARGEST_UID = 2**32 - 1
_CATEGORY = "video providers"


@dataclass(frozen=True, slots=True)
class Seat:
    """Who wants to be in which ``channel``: ``uid`` is from 1 to 2³²-1, never 0, and the same in every stream."""

    channel: str
    uid: int
    role: Role
    issued_at: datetime
    seconds: int


class VideoProvider(Protocol):
    """Carries the video of streams; clients reach it with a token and the provider's own software."""

    def app_id(self) -> str:
        """Return what clients call the account at the provider; it is no secret."""
        ...

    def token(self, seat: Seat) -> str:
        """Return a token for one seat, good for ``seat.seconds``; a host publishes, the audience does not."""
        ...


class FakeVideo:
    """Carries nothing: for development and tests."""

    def app_id(self) -> str:
        """Return a name."""
        return "fake"

    def token(self, seat: Seat) -> str:
        """Return the seat in plain words."""
        return f"fake.{seat.role}.{seat.channel}.{seat.uid}.{int(seat.issued_at.timestamp()) + seat.seconds}"


class AgoraProvider:
    """Agora, with tokens of the form AccessToken2."""

    def __init__(self, app_id: str, certificate: str) -> None:
        self._video = AgoraVideo(app_id, certificate)

    def app_id(self) -> str:
        """Return the App ID."""
        return self._video.app_id

    def token(self, seat: Seat) -> str:
        """Return an RTC token."""
        issued = int(seat.issued_at.timestamp())
        return self._video.token(
            seat.channel, seat.uid, publishes=seat.role == "host", issued_at=issued, seconds=seat.seconds
        )


def uid_of(user_id: int) -> int:
    """Return the number by which the provider knows a user: from 1 to 2³²-1."""
    return (user_id - 1) % LARGEST_UID + 1


class VideoDesk:
    """Hands out tokens to those who may be in a stream."""

    def __init__(
        self, session: Any, guests: GuestService, name: str, provider: VideoProvider, settings: Mapping[str, Any]
    ) -> None:
        self._session = session
        self._guests = guests
        self._name = name
        self._provider = provider
        self._seconds = settings["token_minutes"] * 60

    def issue(self, stream_id: int, user_id: int, role: Role) -> dict[str, Any]:
        """Return a token for a live stream; asking again renews it.

        ``NotLive``, ``Banned``, or ``NotFound`` for a host who is not the stream's seller.
        """
        stream = self._guests.live(stream_id)
        if role == "host" and stream.seller_id != user_id:
            raise NotFound(f"you have no stream {stream_id}")
        self._guests.check(stream_id, user_id)
        seat = Seat(stream.video_channel, uid_of(user_id), role, clock.now(self._session), self._seconds)
        return {
            "provider": self._name,
            "app_id": self._provider.app_id(),
            "channel": seat.channel,
            "uid": seat.uid,
            "role": role,
            "token": self._provider.token(seat),
            "expires_at": seat.issued_at + timedelta(seconds=seat.seconds),
        }


def video_desk(_context: Any, request: Any) -> VideoDesk:
    """Build the service of ``request``."""
    settings = section(request.registry, "livestream")
    name = settings["video_provider"]
    provider = table(request.registry, _CATEGORY)[name]
    return VideoDesk(request.db, request.find_service(GuestService), name, provider, settings)


def add_video_provider(config: Any, name: str, provider: Any) -> None:
    """Let ``livestream.video_provider = NAME`` choose ``provider``, a ``VideoProvider``."""
    discriminator = (_CATEGORY, name)
    shown = config.introspectable(_CATEGORY, discriminator, name, _CATEGORY)
    shown.update(name=name, entry=provider)

    def register() -> None:
        table(config.registry, _CATEGORY)[name] = provider

    config.action(discriminator, register, introspectables=(shown,))


def _check_choice(registry: Any) -> None:
    chosen, known = section(registry, "livestream")["video_provider"], table(registry, _CATEGORY)
    if chosen not in known:
        raise ConfigurationError(
            f"livestream.video_provider = {chosen!r}: use one of {', '.join(sorted(known))}, or enable the plugin that "
            "adds it"
        )


def _agora(settings: Mapping[str, Any]) -> AgoraProvider | None:
    app_id, certificate = settings["agora_app_id"], settings["agora_app_certificate"]
    if settings["video_provider"] == "agora" and not (app_id and certificate):
        missing = "agora_app_certificate" if app_id else "agora_app_id"
        raise ConfigurationError(
            f"livestream.{missing} is empty, but livestream.video_provider = agora: set it (env:NAME keeps it out of "
            "the file), or choose another provider"
        )
    return AgoraProvider(app_id, certificate) if app_id and certificate else None


def includeme(config: Any) -> None:
    """Add the directive and the providers that come with the plugin."""
    config.add_directive("add_video_provider", add_video_provider)
    config.register_service_factory(video_desk, VideoDesk)
    config.add_video_provider("fake", FakeVideo())
    if agora := _agora(section(config.registry, "livestream")):
        config.add_video_provider("agora", agora)
    config.action("check the video provider", _check_choice, args=(config.registry,), order=1000)
