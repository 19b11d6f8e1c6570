"""Certificates: who vouches for the servers of the demo?

An authority of its own, made anew for every start and never written anywhere but into the folder it is given.
Clients trust `ca`, servers show what `issue` made for their names. Nothing here is meant for a public server.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=30)
CLOCK_SKEW = timedelta(hours=1)
LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class ServerCertificate:
    """PEM files of a server or a client: its certificate with the chain, and its key (mode 600)."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority that lives in `folder`. `ca` is the file that clients trust."""

    def __init__(self, folder: Path, name: str = "Demo CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _certify(name, self._key.public_key(), issuer=name, signer=self._key, authority=True)
        self.ca.write_bytes(_pem(self._certificate))

    def issue(self, file: str, *, names: tuple[str, ...] = LOOPBACK, expired: bool = False) -> ServerCertificate:
        """A server certificate for `names` (host names and addresses) as `file.pem` and `file.key`."""
        return self._issue(file, names[0], names=names, purpose=ExtendedKeyUsageOID.SERVER_AUTH, expired=expired)

    def admit(self, file: str, name: str, *, expired: bool = False) -> ServerCertificate:
        """A certificate by which a client says that it is `name`."""
        return self._issue(file, name, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, expired=expired)

    def _issue(self, file: str, name: str, **what: Any) -> ServerCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.subject.rfc4514_string().removeprefix("CN=")
        certificate = _certify(name, key.public_key(), issuer=issuer, signer=self._key, **what)
        made = ServerCertificate(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        made.certificate.write_bytes(_pem(certificate) + _pem(self._certificate))
        _write_private(made.key, key)
        return made


def _certify(
    name: str,
    key: ec.EllipticCurvePublicKey,
    *,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    authority: bool = False,
    names: tuple[str, ...] = (),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    expired: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC) - (2 * LIFETIME if expired else timedelta())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(_usage(authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(n) for n in names]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(authority: bool) -> x509.KeyUsage:
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


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
