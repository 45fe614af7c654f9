"""The forgetting guard: a fine-tuned model against what it was, on general sets and on the user's own.

A model is better only if it gained on a set of the role `own` beyond the interval of the difference, and lost no more
than the recipe allows on any set of the role `general`. Compares with mien.evaluate; trains nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.errors import ManifestError, RecipeError
from mien.evaluate.differences import ComparedPoint, compare
from mien.evaluate.mated_rates import MAX_SAMPLES
from mien.evaluate.report import Number, Table
from mien.evaluate.wording import describe, rate_text
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import ValidationSet, embeddings_path
from mien.train.run.wording import message
from mien.whole_files import write_whole_text

GUARD_FILE = "report/guard.json"
"""The guard's sentences in a run's folder."""

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
        kept = [row.point.difference.value <= self.allowed for row in self.rows if row.role == "general"]
        if not all(kept):  # a difference that is NaN does not prove that nothing was lost
            return "lost too much"
        own = [row for row in self.rows if row.role == "own"]
        return "better" if any(row.point.difference.high < 0 for row in own) else "no gain shown"

    def sentences(self) -> tuple[Message, ...]:
        """The verdict and its reasons."""
        verdict = message(f"guard.{self.verdict.replace(' ', '-')}", allowed=100 * self.allowed)
        return (verdict, *(self._sentence(row) for row in self.rows))

    def _sentence(self, row: Compared) -> Message:
        point = row.point
        return message(
            "guard.row",
            name=row.name,
            role=message(f"role.{row.role}"),
            rate=point.wanted,
            before=describe(point.fnmr[0]),
            after=describe(point.fnmr[1]),
            difference=point.difference.words,
        )

    def table(self) -> Table:
        """Before and after, for people."""
        rows = [
            (
                row.name,
                message(f"role.{row.role}"),
                rate_text(row.point.wanted),
                describe(row.point.fnmr[0]),
                describe(row.point.fnmr[1]),
                row.point.difference.words,
            )
            for row in self.rows
        ]
        names = ("set", "role", "fmr", "fnmr-before", "fnmr-after", "difference")
        return Table(
            title=message("guard.title"),
            columns=tuple(message(f"column.{name}") for name in names),
            rows=tuple(rows),
            note=message("guard.note", max_samples=MAX_SAMPLES),
        )

    def numbers(self) -> dict[str, Number]:
        """The verdict and each difference, for programs."""
        found = {"better": Number(value=float(self.verdict == "better"))}
        for row in self.rows:
            change = row.point.difference
            found[f"{row.name}/fnmr difference"] = Number(value=change.value, low=change.low, high=change.high)
        return found


def save_sentences(guard: GuardResult, folder: Path) -> None:
    """Write the sentences next to the run's report, in no language yet, for the card of the exported model."""
    values = [sentence.as_json() for sentence in guard.sentences()]
    write_whole_text(folder / GUARD_FILE, json.dumps(values, indent=1) + "\n")


def read_sentences(folder: Path) -> list[Message]:
    """The sentences that save_sentences wrote; none for a run without a guard."""
    path = folder / GUARD_FILE
    if not path.is_file():
        return []
    return [Message.from_json(value) for value in json.loads(path.read_text(encoding="utf-8"))]


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
