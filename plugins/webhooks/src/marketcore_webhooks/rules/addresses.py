"""Pure: which URLs and which network addresses a message may go to.

The grammar of URLs is narrower than RFC 3986 on purpose: what two parsers could read differently (user names,
backslashes, shortened numbers, letters beyond ASCII) is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LONGEST_URL = 500
DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH = r"[A-Za-z0-9\-._~:/@!$&'()*+,;=%]*"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{{1,253}}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<path>/{_PATH})?(?P<query>\?(?:{_PATH}|\?)*)?",
    re.ASCII,
)
# A last label like these makes resolvers read the whole name as an IPv4 address, in forms nobody checks.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Registries: IANA IPv4 and IPv6 special-purpose addresses, RFC 6890 and its updates.
_NOT_PUBLIC_V4 = tuple(
    ip_network(net)
    for net in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 "
        "198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    ).split()
)
_PUBLIC_V6 = ip_network("2000::/3")
# Within 2000::/3: protocol assignments with Teredo, documentation, 6to4, AS112, documentation.
_NOT_PUBLIC_V6 = tuple(
    ip_network(net) for net in "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split()
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: ``host`` as TLS and the Host header name it, ``path`` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def literal(self) -> str | None:
        """The address, where the host is one and no name."""
        text = self.host.strip("[]")
        return text if self.host.startswith("[") or _is_v4(text) else None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


def read_url(url: str, *, ports: Collection[int], allow_private: bool = False) -> Target:
    """Return where ``url`` leads; ``ValueError`` says why nothing is sent there.

    With ``allow_private`` plain http, any port, and names and addresses of one's own network will do.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise ValueError(f"must be a plain https URL of at most {LONGEST_URL} ASCII characters, without user or '#'")
    scheme, host = found["scheme"], found["host"].lower()
    port = int(found["port"] or DEFAULT_PORTS[scheme])
    if not allow_private and scheme != "https":
        raise ValueError("must begin with https://")
    if not 1 <= port <= 65535 or not (allow_private or port in ports):
        raise ValueError(f"may not name port {port}; use {' or '.join(map(str, sorted(ports)))}")
    if fault := _host_fault(host, allow_private):
        raise ValueError(fault)
    return Target(scheme, host, port, (found["path"] or "/") + (found["query"] or ""))


def address_fault(address: str) -> str | None:
    """Return why nothing may be sent to the IP ``address``, or ``None`` where it is a public one.

    Refused are all addresses that are not global unicast, and those that carry an IPv4 address inside (mapped,
    compatible, NAT64, 6to4, Teredo, ISATAP), wherever these would lead.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "is no IP address"
    return None if _is_public(parsed) else "is not a public address"


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in net for net in _NOT_PUBLIC_V4)
    inside = address.packed[8:12] in (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
    return (
        address.scope_id is None
        and not inside
        and address in _PUBLIC_V6
        and not any(address in net for net in _NOT_PUBLIC_V6)
    )


def _host_fault(host: str, allow_private: bool) -> str | None:
    if host.startswith("["):
        return _literal_fault(host.strip("[]"), IPv6Address, allow_private)
    if not _NAME.fullmatch(host):
        return "has a host that is no domain name"
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return _literal_fault(host, IPv4Address, allow_private)
    if "." not in host and not allow_private:
        return "has a host without a dot: use a public domain name"
    return None


def _literal_fault(text: str, kind: type[IPv4Address | IPv6Address], allow_private: bool) -> str | None:
    try:
        kind(text)
    except ValueError:
        return "has a host that is no address in its usual form"
    fault = None if allow_private else address_fault(text)
    return f"leads to {text}, which {fault}" if fault else None


def _is_v4(text: str) -> bool:
    return _NUMERIC.fullmatch(text.rpartition(".")[2]) is not None
