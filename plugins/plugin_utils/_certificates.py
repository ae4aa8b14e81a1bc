# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as data: what one must say, why one must be made anew, and how it is made. No files, no Ansible.

Profile: RFC 5280, with what strict verifiers ask for (Python 3.13's VERIFY_X509_STRICT): key identifiers in all, usages
and basic constraints critical.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TypeVar, Union

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IssuerKey = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey]

Extension = TypeVar("Extension", bound=x509.ExtensionType)

# Clocks of a cluster differ a little: a certificate holds from a while ago, so that nobody finds it not valid yet.
BEFORE = timedelta(hours=1)
USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


class CertificateError(Exception):
    """A sentence: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What a certificate must say. usages: of USAGES. days: how long it holds, from now."""

    name: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    usages: tuple[str, ...]
    days: int

    def alternatives(self) -> list[x509.GeneralName]:
        """The subject's alternative names. An address among the names is taken as an address."""
        hosts = [host for host in dict.fromkeys((*self.names, *self.addresses)) if host]
        return [_general_name(host, is_address=host in self.addresses) for host in hosts]


def _general_name(host: str, is_address: bool) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if is_address:
            raise CertificateError(f"'{host}' in certificates_addresses is no IP address: correct it.") from None
    if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
        raise CertificateError(f"'{host}' in certificates_names is no name that DNS can carry: correct it.")
    return x509.DNSName(host)


def now() -> datetime:
    """The time, to the second, as certificates have it."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key on P-256, which every engine and store since 2013 speaks."""
    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """The key as PEM (PKCS #8), without a passphrase."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def text(certificate: x509.Certificate) -> str:
    """The certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def certificates_in(content: str, where: str) -> list[x509.Certificate]:
    """All certificates of a PEM text, which is called `where` in what is said about it."""
    try:
        return x509.load_pem_x509_certificates(content.encode())
    except ValueError:
        raise CertificateError(f"{where} holds no certificate in PEM: put one there, or name another file.") from None


def key_in(content: str, passphrase: str, where: str) -> IssuerKey:
    """The private key of a PEM text, which is called `where` in what is said about it."""
    encrypted = "ENCRYPTED" in content
    if encrypted and not passphrase:
        raise CertificateError(f"The key {where} has a passphrase: set certificates_ca_passphrase.")
    try:
        key = serialization.load_pem_private_key(content.encode(), passphrase.encode() if encrypted else None)
    except (ValueError, TypeError):
        why = "certificates_ca_passphrase is not the one of" if encrypted else "there is no private key in PEM in"
        raise CertificateError(f"The key cannot be read: {why} {where}; correct it.") from None
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey)):
        raise CertificateError(f"The key {where} is neither EC, RSA nor Ed25519: take a CA with one of these.")
    return key


def belong_together(certificate: x509.Certificate, key: IssuerKey) -> bool:
    """Whether the key is the certificate's own."""
    return certificate.public_key() == key.public_key()


def new_authority(cluster: str, days: int, key: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    """A certificate authority for `cluster` alone, signed by itself."""
    subject = _subject(f"{cluster} CA", cluster)
    return (
        _builder(subject, subject, key.public_key(), at, at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


def authority_problem(authority: x509.Certificate, where: str, at: datetime) -> str | None:
    """Why certificates of this authority would be refused, as a sentence."""
    constraints = _extension(authority, x509.BasicConstraints)
    usage = _extension(authority, x509.KeyUsage)
    if not constraints or not constraints.ca or (usage and not usage.key_cert_sign):
        return f"The certificate {where} may not sign others (no CA:TRUE, keyCertSign): name that of a CA."
    if authority.not_valid_after_utc <= at:
        return f"The CA {where} expired on {authority.not_valid_after_utc:%Y-%m-%d}: name one that holds."
    return None


def issue(
    wanted: Wanted, authority: x509.Certificate, signer: IssuerKey, key: ec.EllipticCurvePrivateKey, at: datetime
) -> x509.Certificate:
    """A certificate that says what is wanted, and ends with its authority at the latest."""
    until = min(at + timedelta(days=wanted.days), authority.not_valid_after_utc)
    hosts = wanted.alternatives()
    builder = (
        _builder(_subject(wanted.name), authority.subject, key.public_key(), at, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([USAGES[usage] for usage in wanted.usages]), critical=False)
        .add_extension(_authority_key(authority), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    plain = isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return builder.sign(signer, None if plain else hashes.SHA256())


def reasons(
    wanted: Wanted, certificate: x509.Certificate, authority: x509.Certificate, renew_days: int, at: datetime
) -> Iterator[str]:
    """Why the certificate must be made anew; none where it is as wanted."""
    if certificate.subject != _subject(wanted.name):
        yield f"its name is '{certificate.subject.rfc4514_string()}'"
    found = _extension(certificate, x509.SubjectAlternativeName)
    if set(found or ()) != set(wanted.alternatives()):
        yield "its names or addresses are others"
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    if set(usages or ()) != {USAGES[usage] for usage in wanted.usages}:
        yield "its usages are others"
    if not _issued_by(certificate, authority):
        yield "it is of another CA"
    # One that ends with its authority would be no longer for being made anew.
    ends = certificate.not_valid_after_utc
    if ends - at < timedelta(days=renew_days) and ends < authority.not_valid_after_utc:
        yield f"it {'expired' if ends <= at else 'expires'} on {ends:%Y-%m-%d}"


def describe(certificate: x509.Certificate) -> str:
    """What the certificate says, in lines for a diff."""
    hosts = [str(host.value) for host in _extension(certificate, x509.SubjectAlternativeName) or ()]
    known = {oid: usage for usage, oid in USAGES.items()}
    usages = [known.get(oid, oid.dotted_string) for oid in _extension(certificate, x509.ExtendedKeyUsage) or ()]
    lines = [
        f"subject: {certificate.subject.rfc4514_string()}",
        f"issuer: {certificate.issuer.rfc4514_string()}",
        *([f"names and addresses: {', '.join(hosts)}"] if hosts else []),
        *([f"usages: {', '.join(usages)}"] if usages else []),
        f"valid until: {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
        f"fingerprint: {certificate.fingerprint(hashes.SHA256()).hex()}",
    ]
    return "".join(f"{line}\n" for line in lines)


def identity(certificate: x509.Certificate) -> bytes:
    """Name and key: what is the same in a certificate and in the one that takes its place."""
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.subject.public_bytes() + certificate.public_key().public_bytes(encoding, form)


def _issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    # OpenSSL refuses a certificate with its authority's key and not its authority's key identifier.
    return _extension(certificate, x509.AuthorityKeyIdentifier) == _authority_key(authority)


def _authority_key(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = _extension(authority, x509.SubjectKeyIdentifier)
    if identifier:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _subject(name: str, organization: str = "") -> x509.Name:
    pairs = [(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    try:
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in [*pairs, (NameOID.COMMON_NAME, name)]])
    except ValueError:
        raise CertificateError(
            f"A certificate's name has 1 to 64 characters, and '{name}' has {len(name)}: set certificates_name "
            "(or certificates_cluster) to another; the host's own names in certificates_names may be longer."
        ) from None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, at: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(at, until) - BEFORE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
