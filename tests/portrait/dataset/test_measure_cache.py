"""Measuring a data set: it resumes, measures again what changed, and writes parts of a known size."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.portrait.dataset import measure_cache
from mien.portrait.dataset.measure_cache import delete_cache, measure_data_set
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.structure import Listing, list_data_set
from mien.portrait.rules.files import load_rules
from mien.progress import Progress

MODELS = AuditModels(recognizer="")


class StopError(Exception):
    """Stands for an interruption."""


@pytest.fixture
def listing(small: Path) -> Listing:
    return list_data_set(small, load_rules("vn-portrait").structure)


def counts(listing: Listing, out: Path, models: AuditModels = MODELS, **more: int) -> list[int]:
    """How many files are done at each point of the work."""
    points: list[int] = []
    measure_data_set(listing.root, listing.entries, out, models, on_progress=lambda p: points.append(p.done), **more)
    return points


def test_an_interrupted_audit_resumes(listing: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_cache, "CHUNK", 1)

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise StopError

    with pytest.raises(StopError):
        measure_data_set(listing.root, listing.entries, tmp_path / "out", MODELS, on_progress=stop)
    measured: list[str] = []
    true = measure_cache.measure_files
    monkeypatch.setattr(
        measure_cache, "measure_files", lambda m, r, paths: measured.extend(paths) or true(m, r, paths)
    )
    assert counts(listing, tmp_path / "out") == [2, 3, 4]
    assert measured == ["adults/Grace/2.jpg", "adults/Grace/3.jpg"]
    found = measure_data_set(listing.root, listing.entries, tmp_path / "out", MODELS)
    assert found.texts("path") == [entry.path for entry in listing.entries]


def test_a_changed_file_is_measured_again_and_another_model_measures_all(listing: Listing, tmp_path: Path) -> None:
    assert counts(listing, tmp_path / "out")[0] == 0
    (listing.root / "adults" / "Grace" / "2.jpg").write_bytes(b"no image any more")
    assert counts(listing, tmp_path / "out")[0] == 3
    found = measure_data_set(listing.root, listing.entries, tmp_path / "out", MODELS)
    assert found.readable.tolist() == [True, True, False, True]
    assert counts(listing, tmp_path / "out", AuditModels(detector="haar", recognizer=""))[0] == 0


def test_measures_of_another_version_are_measured_again(
    listing: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts(listing, tmp_path / "out")
    monkeypatch.setattr(measure_cache, "VERSION", measure_cache.VERSION + 1)
    assert counts(listing, tmp_path / "out")[0] == 0


def test_a_part_is_written_as_soon_as_it_is_full(
    listing: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_cache, "CHUNK", 1)
    monkeypatch.setattr(measure_cache, "PART", 3)
    folder, seen = tmp_path / "out" / measure_cache.FOLDER, []
    measure_data_set(
        listing.root,
        listing.entries,
        tmp_path / "out",
        MODELS,
        on_progress=lambda p: seen.append((p.done, len(list(folder.glob("part-*.parquet"))))),
    )
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)], "so an interruption loses at most a part"
    sizes = [pyarrow.parquet.read_metadata(part).num_rows for part in sorted(folder.glob("part-*.parquet"))]
    assert sizes == [3, 1]


def test_files_are_measured_in_chunks_and_parts_of_the_promised_size(listing: Listing, tmp_path: Path) -> None:
    assert (measure_cache.CHUNK, measure_cache.PART) == (16, 1024)
    assert counts(listing, tmp_path / "out") == [0, 4]


def test_workers_make_no_difference(listing: Listing, tmp_path: Path) -> None:
    tables = []
    for workers in (1, 2):
        found = measure_data_set(listing.root, listing.entries, tmp_path / str(workers), MODELS, workers=workers)
        tables.append(pa.concat_tables(found.batches(found.columns)))
    assert len(tables[0]) == 4 and tables[0].equals(tables[1])


def test_deleting_leaves_nothing_that_was_measured(listing: Listing, tmp_path: Path) -> None:
    counts(listing, tmp_path / "out")
    assert (tmp_path / "out" / measure_cache.FOLDER).exists()
    delete_cache(tmp_path / "out")
    assert not (tmp_path / "out" / measure_cache.FOLDER).exists()


def test_a_file_of_the_same_size_that_was_written_later_is_measured_again(listing: Listing, tmp_path: Path) -> None:
    counts(listing, tmp_path / "out")
    victim = listing.root / "adults" / "Grace" / "1.jpg"
    os.utime(victim, ns=(0, victim.stat().st_mtime_ns + 1))
    assert counts(listing, tmp_path / "out")[0] == 3
