"""The forgetting guard: a fine-tuned model against what it was, on general sets and on the user's own.

Gains and losses are judged by the same thing, the interval of the difference. A model is better only if it gained on
a set of the role `own` beyond the interval, is shown to have lost on no other one, and if the interval on every set
of the role `general` excludes a loss of more than the recipe allows. Where no such set was looked at, that is said.
Compares with mien.evaluate; trains nothing.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.errors import ManifestError, RecipeError
from mien.evaluate.differences import ComparedPoint, Difference, compare
from mien.evaluate.mated_rates import MAX_SAMPLES
from mien.evaluate.report import Number, Table
from mien.evaluate.wording import describe, rate_text
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import RATES, SHOWN_BY
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import ValidationSet, embeddings_path
from mien.train.run.wording import message
from mien.whole_files import write_whole_text

GUARD_FILE = "report/guard.json"
"""The guard's sentences in a run's folder."""

Verdict = Literal["better", "lost too much", "lost own", "no gain shown", "loss not excluded", "general not seen"]


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
        """Whether the model may be called better, or the first reason why not."""
        own, general = (self._changes(role) for role in ("own", "general"))
        if any(one.low > self.allowed for one in general if not one.missing):
            return "lost too much"
        if any(one.is_loss for one in own):
            return "lost own"
        if not any(one.is_gain for one in own):
            return "no gain shown"
        if not general:
            return "general not seen"
        # A difference that is NaN, or whose interval needs more people, does not prove that nothing was lost.
        kept = all(one.high <= self.allowed and not one.missing for one in general)
        return "better" if kept else "loss not excluded"

    def _changes(self, role: str) -> list[Difference]:
        return [row.point.difference for row in self.rows if row.role == role]

    def sentences(self) -> tuple[Message, ...]:
        """The verdict, its reasons, and the roles that no set has."""
        verdict = message(f"guard.{self.verdict.replace(' ', '-')}", allowed=100 * self.allowed)
        absent = [message(f"guard.no-{role}") for role in ("own", "general") if not self._changes(role)]
        return (verdict, *(self._sentence(row) for row in self.rows), *absent)

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
            ends = (None, None) if change.missing else (change.low, change.high)
            found[f"{row.name}/fnmr difference"] = Number(
                value=change.value, low=ends[0], high=ends[1], missing_people=change.missing or None
            )
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


def require_judgeable(recipe: RecognizerRecipe, sets: Sequence[ValidationSet]) -> None:
    """Refuse sets with a role that the guard could not judge after the training; called before its first step.

    Raises:
        RecipeError: such a set has no subjects, or nobody with two crops, or too few comparisons.
    """
    if recipe.init is None:
        return
    for one in sets:
        settings = one.settings
        if settings.role == "watch":
            continue
        name = f"{settings.name} has the role {settings.role}"
        if not any(one.subjects):
            raise RecipeError(
                f"{name}, and the guard compares by subject, which {settings.set} does not have: use a pack, or "
                "remove the role"
            )
        counts = np.array(list(Counter(one.subjects).values()))
        if counts.max() < 2:
            raise RecipeError(
                f"{name}, and no person of {settings.set} has two photographs, so there are no false non-matches to "
                "compare: use a set with several photographs per person, or remove the role"
            )
        nonmated = (int(counts.sum()) ** 2 - int((counts**2).sum())) // 2
        if max(RATES) * nonmated < SHOWN_BY:
            raise RecipeError(
                f"{name}, and its {len(counts)} people make {nonmated} non-mated comparisons, too few for any false "
                "match rate: use a larger set, or remove the role"
            )


def apply_guard(recipe: RecognizerRecipe, folder: Path, sets: list[ValidationSet]) -> GuardResult | None:
    """Compare before and after on every set with a role; None without [init]."""
    if recipe.init is None:
        return None
    rows = []
    for one in sets:
        settings = one.settings
        before, after = (embeddings_path(folder, settings.name, when) for when in ("before", "after"))
        if settings.role == "watch" or not before.exists() or not after.exists():
            continue
        _, numbers = np.unique(np.asarray(one.subjects), return_inverse=True)
        scans = [compare_all(np.load(path), numbers, "cosine") for path in (before, after)]
        try:
            points = compare(scans[0], scans[1])
        except ManifestError as reason:
            raise ManifestError(f"{settings.name}: {reason}") from reason
        # A rate at which the set can judge comes before a nearer one at which people are missing.
        judged = [point for point in points if not point.difference.missing] or points
        near = min(judged, key=lambda point: abs(np.log(point.wanted / recipe.guard.fmr)))
        rows.append(Compared(settings.name, settings.role, near))
    return GuardResult(tuple(rows), recipe.guard.allowed)
