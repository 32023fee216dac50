"""A certificate authority of one's own and the broker's certificate, as PEM files.

Keys are elliptic (P-256); a private key is readable by its owner only. Files are whole or not there.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wombat_gitops.adapters.files import replace_bytes
from wombat_gitops.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTHORITY_LIFE: Final = dt.timedelta(days=3650)
SERVER_LIFE: Final = dt.timedelta(days=825)
_BEFORE: Final = dt.timedelta(hours=1)
"""Certificates hold from a little earlier, for machines whose clocks are behind."""


def make_authority(certificate: Path, key: Path, now: dt.datetime) -> None:
    """A new authority that may sign certificates of servers and clients, and no further authorities."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wombat broker authority")])
    made = (
        _builder(name, name, secret.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), critical=False)
        .sign(secret, hashes.SHA256())
    )
    _write(key, secret)
    replace_bytes(certificate, made.public_bytes(serialization.Encoding.PEM))


def make_server(
    certificate: Path, key: Path, authority: tuple[Path, Path], hosts: Sequence[str], now: dt.datetime
) -> None:
    """A certificate of a broker that is reached as *hosts* (names or addresses), signed by *authority*.

    Args:
        authority: its certificate and its key.

    Raises:
        Refused: the authority's files cannot be used.
    """
    try:
        signer = x509.load_pem_x509_certificate(authority[0].read_bytes())
        signing = serialization.load_pem_private_key(authority[1].read_bytes(), password=None)
    except (OSError, ValueError) as error:
        msg = f"`{authority[0]}` and `{authority[1]}` are no authority that can be used"
        raise Refused(msg, hint="move them away to make a new one; every user needs its `ca.crt` then") from error
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        msg = f"`{authority[1]}` is no key of an authority that was made here"
        raise Refused(msg)
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wombat broker")])
    made = (
        _builder(name, signer.subject, secret.public_key(), now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )
    _write(key, secret)
    replace_bytes(certificate, made.public_bytes(serialization.Encoding.PEM))


def hosts_of(certificate: Path) -> tuple[str, ...]:
    """The names and addresses that a certificate is for, sorted; none where it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ()
    return tuple(sorted(str(name.value) for name in names))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + life)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(target: Path, key: ec.EllipticCurvePrivateKey) -> None:
    replace_bytes(
        target,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
