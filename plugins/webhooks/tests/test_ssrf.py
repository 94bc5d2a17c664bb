"""No message ever goes to an address that is not public, however its URL or its name servers put it."""

from __future__ import annotations

import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcore_webhooks.claiming import Claimed
from marketcore_webhooks.courier import send
from marketcore_webhooks.destinations import Destinations, Refused
from marketcore_webhooks.posting import Poster
from marketcore_webhooks.rules.addresses import address_fault, read_url
from marketcore_webhooks.signing import SecretBox, new_secret

from .owners import Owner
from .receivers import Receiver

TLS = ssl.create_default_context()
PUBLIC = "93.184.215.14"
# Addresses that a name may resolve to, or that may stand in the URL themselves.
ADDRESSES = """
127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1
192.168.255.255 169.254.0.1 169.254.169.254 100.64.0.1 100.100.100.200 100.127.255.255 192.0.0.1 192.0.0.192
192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 192.88.99.1 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:93.184.215.14
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::5db8:d70e 64:ff9b:1::a00:1 100::1 2001::1
2001:0:4136:e378:8000:63bf:80ff:fffe 2001:db8::1 2001:20::1 2002:7f00:1:: 2002:a00:1:: 2002:c0a8:1:: 3fff::1
2620:4f:8000::1 5f00::1 fc00::1 fd00:ec2::254 fd12:3456:789a::1 fe80::1 fec0::1 ff02::1 ff0e::1
2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1 4000::1 e000::1
""".split()
# URLs that are refused as they stand, whatever a resolver says.
WRITTEN = """
http://example.com/ ftp://example.com/ file:///etc/passwd gopher://example.com:443/_x data:text/plain,x
javascript:alert(1) //example.com/ example.com https:example.com https:///etc https:// https://:443/ https://?a
https://user@example.com/ https://user:pass@example.com/ https://example.com@127.0.0.1/
https://example.com:443@127.0.0.1/ https://127.0.0.1#@example.com/ https://example.com#x https://example.com\\@127.0.0.1/
https://127.0.0.1\\.example.com/ https://example.com:22/ https://example.com:80/ https://example.com:8443/
https://example.com:0/ https://example.com:65536/ https://example.com:99999/ https://example.com:443:443/
https://example.com:/ https://127.1/ https://127.0.1/ https://0/ https://0.0/ https://2130706433/ https://017700000001/
https://0177.0.0.1/ https://0x7f.0.0.1/ https://0x7f000001/ https://0x7f.1/ https://127.0.0.1./ https://127.0.0.01/
https://1.2.3.4.5/ https://256.256.256.256/ https://example.0x7f/ https://localhost/ https://LOCALHOST/ https://metadata/
https://example.com./ https://.example.com/ https://exa..mple.com/ https://-a.example.com/ https://exa_mple.com/
https://exa%6dple.com/ https://127.0.0.1%2f.example.com/ https://①②⑦.⓪.⓪.①/ https://exämple.com/ https://example。com/
https://[::1]:443@example.com/ https://[fe80::1%25eth0]/ https://[fe80::1%eth0]/ https://[::1/ https://::1/ https://[]/
https://[v1.fe80::a]/ https://[127.0.0.1]/ https://[93.184.215.14]/ https://example.com/<a> https://example.com/{a} https://example.com/"
""".split()
SPACED = (
    "",
    " https://example.com/",
    "https://example.com/ ",
    "https://example.com/a b",
    "https://exam\tple.com/",
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://example.com/\n",
    "https://example.com/\x00",
    "https://127.0.0.1\u2044.example.com/",
    "https://example.com/" + "a" * 481,
    "https://" + "a" * 64 + ".example.com/",
)
URLS = (*WRITTEN, *SPACED)


def literal(address):
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


class Witness:
    """A poster of production's policy, whose name servers say what they are told to and whose sockets are counted."""

    def __init__(self, *answers):
        self.answers, self.asked, self.connected = list(answers), [], []
        self.destinations = Destinations((443,), allow_private=False, resolve=self.resolve)
        self.poster = Poster(self.destinations, timeout=2, tls=TLS, connect=self.connect)

    def resolve(self, host, port):
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def connect(self, address, port, seconds):
        self.connected.append((address, port))
        raise ConnectionRefusedError

    def save(self, url):
        try:
            self.destinations.locate(url, 2)
        except Refused as refusal:
            return str(refusal)
        return None

    def send(self, url):
        box, secret = SecretBox(bytes(32)), new_secret()
        sealed = (box.seal(secret, 1),)
        return send(box, self.poster, Claimed(1, 1, 1, None, 1, "msg_1", b"{}", url, sealed, failing=False))


def test_the_corpus_is_large():
    assert len(ADDRESSES) >= 60
    assert len(URLS) >= 60


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_not_public_is_refused_when_saved_and_when_sent_to(address):
    for url, answers in ((literal(address), [[PUBLIC]]), ("https://receiver.example.com/", [[address]])):
        witness = Witness(*answers)
        assert witness.save(url), url
        assert witness.send(url).error.startswith("the URL "), url
        assert witness.connected == []


@pytest.mark.parametrize("url", URLS, ids=ascii)
def test_a_url_that_could_be_read_in_two_ways_is_refused_when_saved_and_when_sent_to(url):
    witness = Witness([PUBLIC])
    assert witness.save(url)
    assert witness.send(url).error.startswith("the URL ")
    assert witness.connected == witness.asked == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::6810:85e5", "2a00::1"])
def test_a_public_address_is_connected_to_exactly_as_it_was_checked(address):
    for url, answers in ((literal(address), [["127.0.0.1"]]), ("https://receiver.example.com/", [[address]])):
        witness = Witness(*answers)
        assert witness.save(url) is None
        witness.send(url)
        assert witness.connected == [(address, 443)]


def test_of_a_name_with_public_and_private_addresses_none_is_used():
    for answers in ([PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC] * 9 + ["::1"]):
        witness = Witness(answers)
        assert witness.save("https://mixed.example.com/")
        witness.send("https://mixed.example.com/")
        assert witness.connected == []


def test_a_name_that_is_rebound_after_saving_is_refused_when_sent_to():
    witness = Witness([PUBLIC], ["127.0.0.1"])
    assert witness.save("https://rebound.example.com/") is None
    assert witness.send("https://rebound.example.com/").error == "the URL leads to an address that is not public"
    assert witness.connected == []


def test_a_name_that_is_rebound_between_check_and_connection_gains_nothing():
    witness = Witness([PUBLIC], ["127.0.0.1"])
    witness.send("https://rebound.example.com/")
    assert witness.asked == ["rebound.example.com"]
    assert witness.connected == [(PUBLIC, 443)]


def test_the_systems_own_resolver_is_checked_too():
    names = [socket.gethostname(), "localhost.localdomain", "localhost"]
    for name in names:
        destinations = Destinations((443,), allow_private=False)
        with pytest.raises(Refused):
            destinations.locate(f"https://{name}/", 5)


def test_a_redirect_to_an_address_within_is_not_followed(owner, receiver):
    with Receiver() as inner:
        receiver.headers["Location"] = f"{inner.url}/secret"
        for status in (301, 302, 303, 307, 308):
            _endpoint, delivery = owner.send(f"{receiver.url}/status/{status}")
            assert delivery["last_status"] == status
        assert len(receiver.received) == 5
        assert inner.received == []


def test_a_refused_url_is_told_by_its_field_and_one_that_was_saved_nevertheless_is_not_sent_to(strict_hooks, receiver):
    owner = Owner(strict_hooks)
    for url in (
        "https://127.0.0.1/",
        "http://example.com/",
        "https://[::1]/",
        "https://localhost/",
        "https://10.1.1.1/",
    ):
        assert "url" in owner.ask("POST", "webhook-endpoints", {"url": url}, status=422)["errors"]
    endpoint = owner.add(f"https://{PUBLIC}/hook")
    path = f"webhook-endpoints/{endpoint['id']}"
    assert "url" in owner.ask("PATCH", path, {"url": "https://169.254.169.254/"}, status=422)["errors"]
    assert [item["url"] for item in owner.ask("GET", "webhook-endpoints")["items"]] == [f"https://{PUBLIC}/hook"]
    owner.market.query("UPDATE webhooks_endpoints SET url = :url", url=receiver.url)
    delivery = owner.test(endpoint)
    owner.courier.drain(20)
    assert owner.delivery(delivery)["last_error"].startswith("the URL must begin with https")
    assert receiver.received == []


@given(st.ip_addresses())
def test_whatever_python_calls_not_global_is_not_public_here(address):
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert address_fault(str(address))


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_in_ipv6_clothes(address):
    number = int(address)
    for inside in (number, 0xFFFF << 32 | number, 0x0064FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert address_fault(str(IPv6Address(inside)))


@given(st.from_regex(r"https://[0-9a-fx.]{1,16}/", fullmatch=True))
def test_a_host_of_numbers_is_an_address_in_its_usual_form_or_refused(url):
    try:
        target = read_url(url, ports=(443,))
    except ValueError:
        return
    if target.literal:
        assert str(ip_address(target.literal)) == target.host
        assert IPv4Address(target.host).is_global
    else:
        assert not target.host.rpartition(".")[2].startswith("0x")
        assert not target.host.rpartition(".")[2].isdigit()


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for url in (text, f"https://{text}", f"https://a.example/{text}"):
        try:
            target = read_url(url, ports=(443,))
        except ValueError:
            continue
        assert url.isascii()
        assert not set("\r\n \t\\#@") & set(target.authority)
        assert not set("\r\n \t\\#") & set(target.path)
