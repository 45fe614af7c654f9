"""Splits a manifest by subject, never by image: nobody is in two parts."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.data.manifest import Manifest
from mien.data.manifest_io import write_manifest
from mien.errors import ManifestError


def split_set(manifest: Manifest, parts: Mapping[str, float], out: Path, *, seed: int = 0) -> dict[str, Manifest]:
    """Deal the subjects into parts and write OUT/NAME.parquet for each part.

    Args:
        manifest: with subjects.
        parts: name and share of each part; the shares add up to 1.
        out: a folder.
        seed: see `split`.

    Returns:
        The parts by name.

    Raises:
        ManifestError: see `split`; nothing is written then.

    Example:
        >>> from mien.data.manifest_io import read_manifest
        >>> parts = mien.split_set(read_manifest(Path("portraits.csv")), {"train": 0.5, "test": 0.5}, Path("parts"))
        >>> {name: len(part) for name, part in parts.items()}
        {'train': 20, 'test': 12}
    """
    dealt = split(manifest, parts, seed)
    for name, part in dealt.items():
        write_manifest(part, out / f"{name}.parquet")
    return dealt


def split(manifest: Manifest, parts: Mapping[str, float], seed: int = 0) -> dict[str, Manifest]:
    """Deal the subjects into parts.

    A subject's part follows only from a hash of the seed and the name, so a subject stays in its part when others
    come or go, and the same subject is in the same part of every set.

    Args:
        manifest: with subjects.
        parts: name and share of each part; the shares add up to 1.
        seed: the same seed always gives the same split.

    Raises:
        ManifestError: shares that do not add up to 1, rows without a subject, or an empty part.
    """
    if abs(sum(parts.values()) - 1) > 1e-6 or min(parts.values()) <= 0:
        raise ManifestError(f"the shares {', '.join(f'{n}={s:g}' for n, s in parts.items())} do not add up to 1")
    subjects = manifest.subjects
    if "" in subjects:
        raise ManifestError(
            f"{manifest.row(subjects.index(''))} has no subject, so the set cannot be split by subject"
        )
    edges = np.cumsum(list(parts.values()))
    part_of = {
        subject: int(np.searchsorted(edges[:-1], _place(subject, seed), side="right")) for subject in set(subjects)
    }
    chosen = np.array([part_of[subject] for subject in subjects])
    result = {}
    for number, name in enumerate(parts):
        rows = np.flatnonzero(chosen == number)
        if not len(rows):
            raise ManifestError(
                f"the part {name} would be empty: {len(part_of)} subjects are too few, or its share is too small"
            )
        result[name] = manifest.take(rows, f"{manifest.name} ({name})")
    return result


def _place(subject: str, seed: int) -> float:
    """A number in 0..1 that depends only on the seed and the name."""
    digest = hashlib.sha256(f"{seed}\0{subject}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
