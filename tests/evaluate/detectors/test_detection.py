"""The detection protocol on annotated images."""

from pathlib import Path

import pytest

from mien.data.annotated import read_annotated
from mien.errors import ManifestError


def test_rows_that_cannot_be_used_are_counted_and_lose_nothing_else(annotated: Path) -> None:
    found = read_annotated(annotated)
    assert [p.path.name for p in found.images] == [
        "grace_hopper.jpg",
        "blank.png",
        "broken.jpg",
    ] and found.faces == 2
    reasons = " ".join(problem.reason for problem in found.problems)
    assert len(found.problems) == 5
    for words in ("is empty", "a number that is not finite", "does not exist", "outside the image"):
        assert words in reasons
    with pytest.raises(ManifestError, match="no annotated image of the split val"):
        read_annotated(annotated, "val")
