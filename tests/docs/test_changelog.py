"""The changelog keeps the form of Keep a Changelog, so that a user finds what is added, changed and fixed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
RELEASE = re.compile(r"Unreleased|(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)")


@dataclass(frozen=True)
class Release:
    """One heading of the second level: its summary, and each entry under its kind and area ("" where it has none)."""

    name: str
    summary: str
    entries: tuple[tuple[str, str, str], ...]


def parse(block: str) -> Release:
    """The parts of a release; a line that has no place in the form is an error."""
    name, _, body = block.partition("\n")
    kind, area, summary = "", "", ""
    entries: list[tuple[str, str, str]] = []
    for line in body.splitlines():
        if line.startswith("#### "):
            area = line.removeprefix("#### ")
        elif line.startswith("### "):
            kind, area = line.removeprefix("### "), ""
            assert kind in KINDS, f"{name}: '{kind}' is not one of {', '.join(KINDS)}"
        elif line.startswith("- "):
            entries.append((kind, area, line.removeprefix("- ")))
        elif line.startswith("  ") and entries:
            entries[-1] = (*entries[-1][:2], f"{entries[-1][2]} {line.strip()}")
        elif line:
            assert not kind, f"{name}: this line belongs to no entry: {line}"
            summary += line
    return Release(name, summary, tuple(entries))


def releases() -> Iterator[Release]:
    for block in TEXT.split("\n## ")[1:]:
        yield parse(block)


def test_releases_are_dated_and_the_newest_is_first() -> None:
    names = [release.name for release in releases()]
    assert names[0] == "Unreleased"
    found = [RELEASE.fullmatch(name) for name in names]
    assert all(found), names
    dated = [(tuple(map(int, one[1].split("."))), date.fromisoformat(one[2])) for one in found[1:] if one]
    assert len(dated) >= 5
    assert dated == sorted(dated, reverse=True)


@pytest.mark.parametrize("release", list(releases()), ids=lambda one: one.name)
def test_entries_are_under_added_changed_or_fixed_each_of_which_is_there_once(release: Release) -> None:
    assert release.summary.endswith(".")
    assert release.entries
    assert all(kind for kind, _, _ in release.entries), "entries stand before the first kind"
    places = list(dict.fromkeys((KINDS.index(kind), area) for kind, area, _ in release.entries))
    assert [kind for kind, _ in places] == sorted(kind for kind, _ in places)
    block = TEXT.partition(f"\n## {release.name}\n")[2].partition("\n## ")[0]
    heads = re.findall(r"^####? .+$", block, re.MULTILINE)
    kinds = [head for head in heads if head.startswith("### ")]
    assert len(kinds) == len({kind for kind, _ in places}), "a kind is there twice, or has no entry"
    assert len(heads) - len(kinds) == len([area for _, area in places if area]), "an area is twice or empty"


@pytest.mark.parametrize("release", list(releases()), ids=lambda one: one.name)
def test_each_entry_is_a_sentence_that_is_there_once(release: Release) -> None:
    texts = [text for _, _, text in release.entries]
    assert len(texts) == len(set(texts))
    assert [text for text in texts if not re.match(r"[A-Z`\d]", text)] == []
    assert [text for text in texts if not text.endswith(".")] == []


def test_the_areas_of_unreleased_are_the_same_under_each_kind() -> None:
    """An area that is spelt in two ways would be two areas."""
    newest = next(iter(releases()))
    assert all(area for _, area, _ in newest.entries)
    order = list(dict.fromkeys(area for _, area, _ in newest.entries))
    assert len(order) <= 11, order


def test_links_of_the_changelog_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https:") and not (ROOT / link).exists()] == []
