"""Samples, and the one form of a subject's name."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from mien.data.sample import Sample, canonical_subject

NFC, NFD = unicodedata.normalize("NFC", "Bình"), unicodedata.normalize("NFD", "Bình")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("An", "An"),
        (" An\t", "An"),
        (f" {NFD}\u00a0", NFC),
        (NFC, NFC),
        (os.fsdecode(b"B\xecnh"), "B\\udcecnh"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_a_subject_has_one_name_from_the_sample_on(name: str, stored: str) -> None:
    assert canonical_subject(name) == Sample(Path("a.jpg"), name).subject == stored
    assert canonical_subject(stored) == stored


def test_a_sample_is_named_by_its_place() -> None:
    assert Sample(Path("a.jpg"), "An").name == "a.jpg"
    assert Sample(Path("a.rec"), "An", record=8).name == "a.rec at byte 8"


def test_light_verbs_can_name_samples_without_arrow() -> None:
    code = (
        "import sys, mien.data.sample, mien.data.manifest_io\n"
        "print([name for name in ('pyarrow', 'faiss') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
