"""What a release must hold, and what keeps a commit from being one."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def release(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("release")


def test_a_wheel_without_types_texts_or_licence_is_refused(release: ModuleType) -> None:
    """Files that are not Python are easily left out, and nothing in the repository notices."""
    package = [str(path.relative_to(ROOT / "src")) for path in (ROOT / "src/mien").rglob("*") if path.is_file()]
    licence = "mien-0.5.0.dist-info/licenses/LICENSE"
    assert release.missing([*package, licence]) == []
    assert release.missing(package) == ["LICENSE"]
    assert release.missing([name for name in package if name.endswith(".py")]) == [
        "mien/py.typed",
        "mien/html/style.css",
        "mien/messages/vi.toml",
        "mien/recipes/",
        "LICENSE",
    ]


def test_a_commit_that_is_no_release_is_not_tagged(release: ModuleType) -> None:
    number = release.version()
    assert list(release.not_ready(f"## {number} (2026-12-01)\n", {"urls": {}}, "", [])) == []
    reasons = list(release.not_ready("## Unreleased\n", {}, " M README.md", [f"v{number}"]))
    assert [reason.split(":")[0] for reason in reasons] == [
        "files are not committed",
        f"v{number} is tagged already",
        f"CHANGELOG.md has no heading '## {number} (YYYY-MM-DD)'",
        "pyproject.toml has no [project.urls]",
    ]
