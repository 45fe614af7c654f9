"""Splits by subject."""

from pathlib import Path

import pytest

from mien.data.manifest import tabulate
from mien.data.sample import Sample
from mien.data.split import split
from mien.errors import ManifestError


def test_a_split_is_by_subject_and_stable() -> None:
    samples = [Sample(Path(f"/x/{n}.jpg"), f"s{n // 3}") for n in range(600)]
    parts = split(tabulate(samples, Path("/x"), "x"), {"train": 0.8, "test": 0.2})
    train, test = (set(part.subjects) for part in parts.values())
    assert not train & test and len(train) + len(test) == 200 and 140 <= len(train) <= 180
    assert len(parts["train"]) == 3 * len(train)
    fewer = split(tabulate(samples[:300], Path("/x"), "x"), {"train": 0.8, "test": 0.2})
    assert set(fewer["train"].subjects) == train & {f"s{n}" for n in range(100)}, "nobody moves when others leave"
    assert set(split(tabulate(samples, Path("/x"), "x"), {"train": 0.8, "test": 0.2}, 1)["train"].subjects) != train


def test_splits_that_make_no_sense_are_refused() -> None:
    few = tabulate([Sample(Path("/x/a.jpg"), "a")], Path("/x"), "few")
    with pytest.raises(ManifestError, match="do not add up to 1"):
        split(few, {"train": 0.8, "test": 0.3})
    with pytest.raises(ManifestError, match="would be empty: 1 subjects are too few"):
        split(few, {"train": 0.5, "test": 0.5})
    with pytest.raises(ManifestError, match="row 2 has no subject"):
        split(tabulate([Sample(Path("/x/a.jpg"), "")], Path("/x"), "few"), {"train": 0.5, "test": 0.5})
