"""The forgetting guard: a fine-tuned model against what it was, on general sets and on the user's own.

A model is better only if it gained on a set of the role `own` beyond the interval of the difference, and lost no more
than the recipe allows on any set of the role `general`. Compares with mien.evaluate; trains nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.errors import ManifestError, RecipeError
from mien.evaluate.all_pairs import compare_all
from mien.evaluate.differences import ComparedPoint, compare
from mien.evaluate.report import Number, Table
from mien.evaluate.wording import describe
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import ValidationSet, embeddings_path

Verdict = Literal["better", "lost too much", "no gain shown"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One set before and after, at one false match rate; the difference of `point` is after minus before."""

    name: str
    role: str
    point: ComparedPoint


@dataclass(frozen=True, slots=True)
class GuardResult:
    """What was gained and what was lost.

    Attributes:
        rows: every set with a role other than watch.
        allowed: how much a false non-match rate on a general set may rise.
    """

    rows: tuple[Compared, ...]
    allowed: float

    @property
    def verdict(self) -> Verdict:
        """Whether the model may be called better."""
        if any(row.role == "general" and row.point.difference.value > self.allowed for row in self.rows):
            return "lost too much"
        own = [row for row in self.rows if row.role == "own"]
        return "better" if any(row.point.difference.high < 0 for row in own) else "no gain shown"

    def sentences(self) -> tuple[str, ...]:
        """The verdict and its reasons."""
        said = {
            "better": "The guard: better. It gained on its own set beyond the interval, and kept the general case.",
            "lost too much": "The guard: NOT better. A general set lost more than the allowed "
            f"{100 * self.allowed:.2f} points of false non-matches.",
            "no gain shown": "The guard: NOT better. No gain on its own set is shown beyond the interval.",
        }
        return (said[self.verdict], *(self._sentence(row) for row in self.rows))

    def _sentence(self, row: Compared) -> str:
        point = row.point
        return (
            f"{row.name} ({row.role}), at FMR {point.wanted:g}: FNMR {describe(point.fnmr[0]).text('en')} before, "
            f"{describe(point.fnmr[1]).text('en')} after; {point.difference.words.text('en')}."
        )

    def table(self) -> Table:
        """Before and after, for people."""
        rows = [
            (
                row.name,
                row.role,
                f"{row.point.wanted:g}",
                describe(row.point.fnmr[0]),
                describe(row.point.fnmr[1]),
                row.point.difference.words,
            )
            for row in self.rows
        ]
        return Table(
            title="Before and after",
            columns=("set", "role", "FMR", "FNMR before", "FNMR after", "difference"),
            rows=tuple(rows),
            note="Each model at its own threshold, all samples; differences are paired by subject, with intervals of "
            "95%. The metrics below use at most 20 samples per subject.",
        )

    def numbers(self) -> dict[str, Number]:
        """The verdict and each difference, for programs."""
        found = {"better": Number(value=float(self.verdict == "better"))}
        for row in self.rows:
            change = row.point.difference
            found[f"{row.name}/fnmr difference"] = Number(value=change.value, low=change.low, high=change.high)
        return found


def apply_guard(recipe: RecognizerRecipe, folder: Path, sets: list[ValidationSet]) -> GuardResult | None:
    """Compare before and after on every set with a role; None without [init] or without such sets."""
    if recipe.init is None:
        return None
    rows = []
    for one in sets:
        settings = one.settings
        before, after = (embeddings_path(folder, settings.name, when) for when in ("before", "after"))
        if settings.role == "watch" or not before.exists() or not after.exists():
            continue
        if not any(one.subjects):
            raise RecipeError(
                f"{settings.name}: the guard compares by subject, and {settings.set} has no subjects; use a pack"
            )
        _, numbers = np.unique(np.asarray(one.subjects), return_inverse=True)
        scans = [compare_all(np.load(path), numbers, "cosine") for path in (before, after)]
        try:
            points = compare(scans[0], scans[1])
        except ManifestError as reason:
            raise ManifestError(f"{settings.name}: {reason}") from reason
        if not points:
            raise RecipeError(f"{settings.name} has too few comparisons for any false match rate; use a larger set")
        near = min(points, key=lambda point: abs(np.log(point.wanted / recipe.guard.fmr)))
        rows.append(Compared(settings.name, settings.role, near))
    return GuardResult(tuple(rows), recipe.guard.allowed) if rows else None
