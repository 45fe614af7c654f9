"""A certificate that the service signs itself, so that other machines reach it over HTTPS without an authority.

Browsers warn of it once, and then give the camera to its pages. Needs the package cryptography.
"""

import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mien.errors import MissingExtraError
from mien.service.config import ServiceConfig

CERTIFICATE, KEY = "self-signed.pem", "self-signed.key"
DAYS = 397
"""The longest that browsers accept of a certificate (CA/Browser Forum, baseline requirements 6.3.2)."""
RENEW = timedelta(days=30)


def self_signed(config: ServiceConfig) -> tuple[Path, Path]:
    """The service's own certificate and key, made or renewed where that is needed.

    Raises:
        MissingExtraError: the package that makes certificates is not installed.
    """
    certificate, key = config.folder / CERTIFICATE, config.folder / KEY
    if not (key.is_file() and certificate.is_file() and _is_fresh(certificate, _names(config))):
        _make(certificate, key, _names(config))
    return certificate, key


def _names(config: ServiceConfig) -> list[str]:
    return list(dict.fromkeys(("localhost", "127.0.0.1", socket.gethostname(), config.host, *config.names)))


def _is_fresh(path: Path, names: list[str]) -> bool:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(path.read_bytes())
    held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(one.value) for one in held}
    return found.not_valid_after_utc > datetime.now(UTC) + RENEW and known >= set(names)


def _make(certificate: Path, key: Path, names: list[str]) -> None:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ModuleNotFoundError:
        raise MissingExtraError("--self-signed needs the package cryptography: pip install 'mien[serve]'") from None
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mien")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    key.touch(mode=0o600)
    key.chmod(0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _alternative(name: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - a type of the optional package
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
