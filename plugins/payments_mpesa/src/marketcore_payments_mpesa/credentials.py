"""Who moves the organisation's money: the initiator, and its password encrypted for the gateway."""

import base64
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(frozen=True, slots=True)
class Initiator:
    """An API operator of the organisation; `security_credential` is what Daraja takes for its password."""

    name: str
    security_credential: str = field(repr=False)


def encrypt_password(password: str, certificate_pem: bytes) -> str:
    """Return the SecurityCredential of a plain initiator password: RSA with PKCS#1 v1.5, then base64.

    `certificate_pem` is the X.509 certificate from the developer portal. The portal contradicts itself about
    what is encrypted (the password or its base64 text); this follows its step list: the plain password. Where
    that is refused, make the credential in the portal and use it as it is. Raise ValueError for an unfit certificate.
    """
    key = x509.load_pem_x509_certificate(certificate_pem).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the certificate has no RSA key; use the one from the Daraja portal")
    return base64.b64encode(key.encrypt(password.encode("utf-8"), padding.PKCS1v15())).decode("ascii")
