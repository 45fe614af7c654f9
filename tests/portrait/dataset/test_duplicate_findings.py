"""Duplicates of a data set: copies are found, another photograph in the same pose is not one."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import portrait
from mien.image import read_photo
from mien.portrait.auditing import AuditResult
from mien.portrait.dataset import duplicate_findings
from mien.portrait.dataset.duplicate_findings import find_duplicates
from mien.types import Image, Photo


def another_expression(image: Image, share: float) -> Image:
    """The photograph with its mouth upside down, in a square of `share` distances between the eyes to each side.

    Everything but the mouth is the same to the pixel, as in two photographs of one sitting at best.
    """
    points, made = portrait.check(image).landmarks, image.copy()
    centre, reach = points[3:].mean(axis=0), share * float(np.linalg.norm(points[1] - points[0]))
    (x1, y1), (x2, y2) = np.rint(centre - reach).astype(int), np.rint(centre + reach).astype(int)
    made[y1:y2, x1:x2] = made[y1:y2, x1:x2][::-1]
    return made


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, hopper: Image, write: Callable) -> AuditResult:
    """An audit of one person's photograph with a saved copy, a resized one, and another expression."""
    root = tmp_path_factory.mktemp("sets") / "people"
    images = {
        "0": hopper,
        "1-saved": hopper,
        "2-small": cv2.resize(hopper, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        "3-other": another_expression(hopper, 0.4),
    }
    for name, image in images.items():
        write(root / "adults" / "Grace" / f"{name}.jpg", image, 60 if name == "1-saved" else 95)
    (root / "adults" / "Grace" / "5-copy.jpg").write_bytes((root / "adults" / "Grace" / "0.jpg").read_bytes())
    (root / "children").mkdir()
    return portrait.audit(root, out=tmp_path_factory.mktemp("out") / "report", recognizer=None)


def kinds(found: AuditResult) -> dict[str, str]:
    """The kind of duplicate by the file's name."""
    return {Path(f.others[0]).stem: f.kind for f in found.audit.findings if "two-people" not in f.kind and f.shown}


def test_copies_are_duplicates_of_the_first_and_another_expression_is_not(found: AuditResult) -> None:
    assert kinds(found) == {"1-saved": "near-duplicate", "2-small": "near-duplicate", "5-copy": "same-file"}
    first = {f.place for f in found.audit.findings if f.shown}
    assert first == {"adults/Grace/0.jpg"}


def test_duplicates_are_not_accepted_and_do_not_count_as_different_images(found: AuditResult) -> None:
    (person,) = found.audit.people
    assert (person.images, person.distinct) == (5, 2)
    accepted = [e.path for e, good in zip(found.audit.entries, found.audit.accepted, strict=True) if good]
    assert not {"adults/Grace/1-saved.jpg", "adults/Grace/2-small.jpg", "adults/Grace/5-copy.jpg"} & set(accepted)


def test_a_photograph_of_two_people_is_accepted_for_neither(tmp_path: Path, hopper: Image, write: Callable) -> None:
    for person in ("Ada", "Grace"):
        write(tmp_path / "set" / "adults" / person / "1.jpg", hopper)
    (tmp_path / "set" / "children").mkdir()
    found = portrait.audit(tmp_path / "set", out=tmp_path / "out", recognizer=None).audit
    assert [(f.kind, f.place, f.others) for f in found.findings if f.shown] == [
        ("same-photo-two-people", "adults/Ada/1.jpg", ("adults/Grace/1.jpg",))
    ]
    assert not found.accepted.any()
    assert [one.distinct for one in found.people] == [0, 0]


def test_an_image_with_many_candidates_is_opened_once(found: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four photographs of one person are six pairs."""
    opened = list[str]()

    def count(path: Path, *, longest: int) -> Photo:
        opened.append(path.name)
        return read_photo(path, longest=longest)

    monkeypatch.setattr(duplicate_findings, "read_photo", count)
    audit = found.audit
    folders = np.zeros(len(audit.entries), np.int64)
    is_duplicate, findings = find_duplicates(audit.root, audit.entries, audit.measurements, folders, None)
    assert sorted(opened) == ["0.jpg", "1-saved.jpg", "2-small.jpg", "3-other.jpg"]
    assert is_duplicate.sum() == len(findings) == 3
