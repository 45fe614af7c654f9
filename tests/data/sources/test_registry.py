"""The table of sources."""

from pathlib import Path

import pytest

from mien.data.sources.registry import SOURCES, find_source, own_pairs, recognize
from mien.errors import ManifestError

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "data-sets.md"


def test_the_guide_lists_every_source_as_the_table_does() -> None:
    rows = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [f"| `{source.name}` | {source.summary} | {source.note} |" for source in SOURCES.values()]


def test_names_are_their_own_and_extracted_files_are_named() -> None:
    assert all(name == source.name for name, source in SOURCES.items())
    assert all(bool(source.extract) == bool(source.extracted) for source in SOURCES.values())
    assert SOURCES["bin"].files_beside(Path("a/m.csv")) == (Path("a/m.rec"), Path("a/m.pairs.csv"))


def test_a_source_is_named_or_recognized_or_refused(tmp_path: Path) -> None:
    assert recognize(tmp_path) is None
    with pytest.raises(ManifestError, match=r"is not a data set that mien recognizes \(bin, recordio, .*, table\)"):
        find_source(tmp_path)
    with pytest.raises(ManifestError, match="gone does not exist"):
        find_source(tmp_path / "gone")
    with pytest.raises(ManifestError, match=r"there is no source 'lwf'; --as takes bin, recordio"):
        find_source(tmp_path, "lwf")
    assert find_source(tmp_path, "folders") is SOURCES["folders"]


def test_only_verification_sets_bring_pairs(tmp_path: Path) -> None:
    assert own_pairs(tmp_path) is None and own_pairs(tmp_path / "gone.bin") is None
    (tmp_path / "x.bin").write_bytes(b"rubbish")
    with pytest.raises(ManifestError, match="is not a verification set"):
        own_pairs(tmp_path / "x.bin")
