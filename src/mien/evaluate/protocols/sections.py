"""What the reports of all protocols begin and end with: who was evaluated, warnings about the set, what made it."""

import os
import platform

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.report import Evaluated
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import message
from mien.messages import Message
from mien.rates import Indices
from mien.units import unit_text
from mien.version import __version__


def made_with(seed: int | None = None) -> dict[str, str]:
    """What made the report."""
    made = {"mien": __version__, "numpy": np.__version__, "python": platform.python_version()}
    blas = os.environ.get("OPENBLAS_CORETYPE")
    if blas:
        made["OPENBLAS_CORETYPE"] = blas
    if seed is not None:
        made["seed"] = str(seed)
    return made


def about(embedded: Embedded) -> Evaluated:
    """Who was evaluated."""
    origin = embedded.origin
    return Evaluated(
        model=origin.model,
        contract=origin.contract,
        unit=unit_text(origin.metric),
        source=origin.source,
        detector=origin.detector,
        samples=len(embedded),
        subjects=len(set(embedded.subjects)),
        not_embedded=dict(embedded.failed),
    )


def subject_numbers(embedded: Embedded, *, min_subjects: int = 2) -> Indices:
    """The subjects as numbers.

    Raises:
        ManifestError: a sample has no subject, or there are fewer subjects than the protocol needs.
    """
    if "" in embedded.subjects:
        first = embedded.subjects.index("")
        raise ManifestError(f"{embedded.names[first]} has no subject, and this protocol needs one")
    names, numbers = np.unique(np.asarray(embedded.subjects), return_inverse=True)
    if len(names) < min_subjects:
        raise ManifestError(
            f"{embedded.origin.source} has {len(names)} subjects with an embedding; at least "
            f"{min_subjects} are needed"
        )
    return numbers.astype(np.int64)


def strata_of(embedded: Embedded) -> list[str] | None:
    """The stratum of each sample, its known columns crossed; None where no column is known."""
    columns = [values for values in embedded.strata.values() if any(values)]
    if not columns:
        return None
    return [" ".join(value or "unknown" for value in row) for row in zip(*columns, strict=True)]


def duplicate_warnings(embedded: Embedded) -> list[Message]:
    """A warning where the same image is in the set under two subjects, which makes false non-mated comparisons."""
    first: dict[str, int] = {}
    clashes = []
    for index, digest in enumerate(embedded.sha256):
        earlier = first.setdefault(digest, index) if digest else index
        if embedded.subjects[earlier] != embedded.subjects[index]:
            clashes.append((earlier, index))
    if not clashes:
        return []
    a, b = clashes[0]
    return [
        message(
            "duplicates",
            count=len(clashes),
            a=embedded.paths[a],
            subject_a=embedded.subjects[a],
            b=embedded.paths[b],
            subject_b=embedded.subjects[b],
        )
    ]
