"""The authority of a fleet server: certificates for devices, and the one that its own ports show.

One private authority, in nobody's list of trusted ones. What a certificate is good for stands in
it: a device's for asking, the server's for answering, and neither for signing others.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmhold.pkix.borrowed import public_half, sign_certificate
from firmhold.pkix.public import PublicKey, spki_sha256
from firmhold.protocol.identity import Identity
from firmhold.protocol.server_name import server_name
from firmhold.signing.ports import Signer

Usage = x509.ObjectIdentifier

OWN_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=365)
CLOCKS_APART = timedelta(minutes=5)

_DEVICE = "firmhold device"


def make_authority(key: Signer, name: str, now: datetime) -> x509.Certificate:
    """Return the authority's own certificate: it signs certificates, and none below those."""
    subject = _name(name)
    builder = (
        _dated(public_half(key), now, OWN_LIFETIME)
        .subject_name(subject)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return sign_certificate(key, builder)


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority at work."""

    key: Signer
    certificate: x509.Certificate

    def for_device(
        self, identity: Identity, key: PublicKey, now: datetime, lifetime: timedelta
    ) -> x509.Certificate:
        """Return a certificate by which a device asks."""
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity.uri)])
        builder = _dated(key, now, lifetime).subject_name(_name(_DEVICE))
        return self._issued(builder, names, ExtendedKeyUsageOID.CLIENT_AUTH)

    def for_server(self, host: str, key: PublicKey, now: datetime) -> x509.Certificate:
        """Return a certificate that the ports of this server show.

        It is good for the server's name, and for the one by which a device asks for this key.
        """
        own = server_name(spki_sha256(key), spki_sha256(public_half(self.key)))
        names = x509.SubjectAlternativeName([_host(host), x509.DNSName(own)])
        builder = _dated(key, now, SERVER_LIFETIME).subject_name(_name(host))
        return self._issued(builder, names, ExtendedKeyUsageOID.SERVER_AUTH)

    def _issued(
        self, builder: x509.CertificateBuilder, names: x509.SubjectAlternativeName, usage: Usage
    ) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(public_half(self.key))
        described = (
            builder.issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(names, critical=False)
            .add_extension(issuer, critical=False)
        )
        return sign_certificate(self.key, described)


def _dated(key: PublicKey, now: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    now = now.replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .public_key(key)
        .not_valid_before(now - CLOCKS_APART)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
