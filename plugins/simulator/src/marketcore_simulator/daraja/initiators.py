"""Who may move the organisation's money: an initiator's name, and a password encrypted for the gateway's key."""

import base64
import binascii
import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.refusals import bad_field


def read_initiator(document: Mapping[str, object], name: str) -> bool:
    """Tell whether the initiator in field `name` and SecurityCredential are known; raise Refusal for empty ones.

    Daraja takes a request with the wrong ones, and says so only in its result.
    """
    for field in (name, "SecurityCredential"):
        if not isinstance(document.get(field), str) or not document[field]:
            raise bad_field(field)
    known = document[name] == credentials.INITIATOR_NAME
    return known and _is_good(str(document["SecurityCredential"]))


@functools.cache
def certificate() -> str:
    """Return the PEM certificate initiator passwords are encrypted for; every run of the simulator makes its own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated gateway")])
    made_at = datetime.now(UTC)
    built = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=_key().public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=made_at - timedelta(days=1),
        not_valid_after=made_at + timedelta(days=3650),
    ).sign(_key(), hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM).decode("ascii")


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _is_good(credential: str) -> bool:
    if credential == credentials.SECURITY_CREDENTIAL:
        return True
    try:
        encrypted = base64.b64decode(credential, validate=True)
        return _key().decrypt(encrypted, padding.PKCS1v15()) == credentials.INITIATOR_PASSWORD.encode()
    except (binascii.Error, ValueError):
        return False
