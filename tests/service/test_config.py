"""Which addresses only this machine can reach."""

from pathlib import Path

import pytest

from mien.service.config import ServiceConfig, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host) and ServiceConfig(folder=Path(), host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "localhost.example.org"])
def test_everything_else_can_be_reached_from_outside(host: str) -> None:
    assert not is_loopback(host)
