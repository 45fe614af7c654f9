"""A certificate of the service's own is kept, renewed for other names, and good for HTTPS."""

import ssl
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mien.service.certificates import self_signed
from mien.service.config import ServiceConfig

pytest.importorskip("cryptography", reason="cryptography is not installed")


def test_a_certificate_is_made_once_and_again_for_another_name(tmp_path: Path) -> None:
    config = ServiceConfig(folder=tmp_path, host="10.0.0.7", self_signed=True)
    certificate, key = self_signed(config)
    first = certificate.read_bytes()
    assert self_signed(config) == (certificate, key) and certificate.read_bytes() == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    self_signed(replace(config, names=("faces.example.org",)))
    assert certificate.read_bytes() != first
    decoded = ssl._ssl._test_decode_cert(str(certificate))  # type: ignore[attr-defined]
    names = {value for _, value in decoded["subjectAltName"]}
    assert {"localhost", "127.0.0.1", "10.0.0.7", "faces.example.org"} <= names
