"""One file says which version this is; the build, reports and the package read it."""

import re
import tomllib
from pathlib import Path

import mien
from mien.evaluate.protocols.sections import made_with
from mien.version import __version__

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_said_in_one_place_and_everything_reads_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/mien/version.py"
    assert mien.__version__ == __version__ == made_with()["mien"]


def test_the_citation_and_the_api_document_name_the_same_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(__version__)}$", citation, re.MULTILINE), "write it into CITATION.cff"
    document = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert f'"version": "{__version__}"' in document, "run scripts/openapi.py"
