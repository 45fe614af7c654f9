"""A run from a folder without an installed package still ends with its report."""

from importlib import metadata

import pytest

from mien.evaluate.protocols.sections import made_with
from mien.version import UNPACKAGED, mien_version


def test_the_version_is_that_of_the_package() -> None:
    assert mien_version() == metadata.version("mien") == made_with()["mien"]


def test_a_report_can_be_made_where_mien_was_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of hours failed at its report."""

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert mien_version() == UNPACKAGED
    assert made_with(3)["mien"] == UNPACKAGED
