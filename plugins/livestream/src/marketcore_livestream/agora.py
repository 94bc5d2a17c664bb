"""Agora's RTC tokens, the form AccessToken2 (they begin with 007): made, read and verified.

``str(app id) u32(issued) u32(seconds) u32(salt) u16(1) service`` is signed and deflated; a service is
``u16(1) {privilege: seconds} str(channel) str(uid)``, everything little-endian, texts with a length of 16 bits.
Privileges are seconds from the issue: 1 joins, 2 to 4 publish audio, video and data.
Source: AgoraIO/Tools, DynamicKey/AgoraDynamicKey, AccessToken2 and RtcTokenBuilder2.
"""

from __future__ import annotations

import base64
import hmac
import zlib
from dataclasses import dataclass
from secrets import randbelow
from struct import Struct, pack
from typing import Any

VERSION = "007"
JOIN, PUBLISH = 1, (2, 3, 4)
LONGEST_SECONDS = 24 * 3600
_RTC = 1
_LARGEST = 64 * 1024
_U16, _U32 = Struct("<H"), Struct("<I")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says; ``signed`` is what its ``signature`` is of, ``privileges`` map a privilege to seconds."""

    app_id: str
    issued_at: int
    seconds: int
    salt: int
    privileges: dict[int, int]
    channel: str
    uid: str
    signature: bytes
    signed: bytes


class AgoraVideo:
    """Tokens of one project; App ID and certificate are 32 hexadecimal digits, used as text."""

    def __init__(self, app_id: str, certificate: str) -> None:
        self.app_id = app_id
        self._certificate = certificate

    def __repr__(self) -> str:
        return f"<AgoraVideo {self.app_id}>"

    def token(self, channel: str, uid: int, *, publishes: bool, issued_at: int, seconds: int) -> str:
        """Return a token of ``uid`` (1 to 2³²-1) for ``channel`` (under 64 bytes), good for up to a day."""
        if not 0 < uid < 2**32:
            raise ValueError(f"uid {uid} is not between 1 and 2**32 - 1; 0 would let anybody in")
        if not 0 < len(channel.encode()) < 64 or not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError(f"channel {channel!r} for {seconds} s: at most 63 bytes, and a day")
        privileges = dict.fromkeys((JOIN, *PUBLISH) if publishes else (JOIN,), seconds)
        return self.sign(channel, uid, privileges, issued_at, seconds, randbelow(99_999_999) + 1)

    def sign(self, channel: str, uid: int, privileges: dict[int, int], issued_at: int, seconds: int, salt: int) -> str:
        """Return the token of exactly these contents."""
        granted = b"".join(pack("<HI", *one) for one in sorted(privileges.items()))
        service = pack("<HH", _RTC, len(privileges)) + granted + _text(channel) + _text(str(uid))
        body = _text(self.app_id) + pack("<IIIH", issued_at, seconds, salt, 1) + service
        packed = zlib.compress(_text(self._signature(issued_at, salt, body)) + body)
        return VERSION + base64.b64encode(packed).decode()

    def verify(self, token: str, now: int) -> Token:
        """Return what a token of this project says; ``ValueError`` if it is forged, somebody else's or over."""
        found = parse(token)
        if found.app_id != self.app_id:
            raise ValueError("the token is of another project")
        if not hmac.compare_digest(found.signature, self._signature(found.issued_at, found.salt, found.signed)):
            raise ValueError("the signature is not this project's")
        if not found.issued_at <= now < found.issued_at + found.seconds:
            raise ValueError(f"the token is good from {found.issued_at} for {found.seconds} s")
        return found

    def _signature(self, issued_at: int, salt: int, body: bytes) -> bytes:
        key = hmac.digest(_U32.pack(issued_at), self._certificate.encode(), "sha256")
        return hmac.digest(hmac.digest(_U32.pack(salt), key, "sha256"), body, "sha256")


def parse(token: str) -> Token:
    """Read a token without believing it; ``ValueError`` if it is none."""
    try:
        return _parse(unpack(token))
    except (ArithmeticError, LookupError, zlib.error) as error:
        raise ValueError(f"this is no token of the form {VERSION}: {error}") from None


def unpack(token: str) -> bytes:
    """Return the contents of a token as they were before they were deflated."""
    if not token.startswith(VERSION):
        raise ValueError(f"this is no token of the form {VERSION}")
    inflate = zlib.decompressobj()
    return inflate.decompress(base64.b64decode(token[len(VERSION) :], validate=True), _LARGEST)


def _parse(data: bytes) -> Token:
    reader = _Reader(data)
    signature = reader.bytes()
    start = reader.place
    app_id, issued_at, seconds, salt = reader.text(), *(reader.number(_U32) for _ in range(3))
    services, kind, count = (reader.number(_U16) for _ in range(3))
    if (services, kind) != (1, _RTC):
        raise ValueError("the token is not for RTC alone")
    privileges = {reader.number(_U16): reader.number(_U32) for _ in range(count)}
    channel, uid = reader.text(), reader.text()
    return Token(app_id, issued_at, seconds, salt, privileges, channel, uid, signature, data[start:])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def number(self, kind: Struct) -> int:
        number: int = kind.unpack(self._take(kind.size))[0]
        return number

    def bytes(self) -> bytes:
        return self._take(self.number(_U16))

    def text(self) -> str:
        return self.bytes().decode()

    def _take(self, size: int) -> Any:
        end = self.place + size
        if end > len(self.data):
            raise LookupError("it ends too soon")
        taken, self.place = self.data[self.place : end], end
        return taken


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _U16.pack(len(data)) + data
