"""Other ways to score a set: fused with a second recognizer, or normalized by a cohort; and what they are worth.

Both make a set of embeddings of another one, so every protocol takes them. Whether they help is said by the paired
comparison with the set as it was, with its interval, and by nothing else.

Fusion puts both embeddings behind each other, so that the score is the weighted mean of both scores: of cosines where
both models are compared by cosine, of squared distances otherwise. Normalization needs the scores of each sample
against a cohort of other people; see mien.scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mien.errors import ContractError, ManifestError
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.report import Report
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import message
from mien.scores import is_normalized, normalize, score_all, similarity
from mien.types import Floats, floats
from mien.units import Metric, base_metric

NORMALIZATIONS: Mapping[str, tuple[Metric, Metric]] = {
    "s": ("s-norm", "s-norm of l2"),
    "z": ("z-norm", "z-norm of l2"),
    "t": ("t-norm", "t-norm of l2"),
}
"""By name: the metric after a cosine, and after a distance."""

MIN_COHORT = 20
"""People that a cohort needs, for a mean and a standard deviation that mean something."""
PART = 1024
"""Samples that are scored against the cohort together."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rescoring:
    """How a set is scored.

    Attributes:
        fused: the same samples embedded by a second recognizer, or None.
        weight: of the set's own recognizer, above 0 and below 1.
        normalization: a name of NORMALIZATIONS, or None.
        cohort: other people, embedded as the set is; None without a normalization.
        nearest: the cohort's most similar people that count, for each sample; 0 for all (adaptive s-norm uses few).
    """

    fused: Embedded | None = None
    weight: float = 0.5
    normalization: str | None = None
    cohort: Embedded | None = None
    nearest: int = 0

    def __bool__(self) -> bool:
        return self.fused is not None or self.normalization is not None

    def apply(self, embedded: Embedded) -> Embedded:
        """The set as it is scored now.

        Raises:
            ManifestError: see fuse and normalize_scores.
            ContractError: the cohort is of another model.
        """
        if self.cohort is not None and self.normalization is None:
            raise ManifestError("a cohort is for score normalization: choose one with --normalize s, z or t")
        if self.fused is not None:
            embedded = fuse(embedded, self.fused, self.weight)
        if self.normalization is None:
            return embedded
        if self.cohort is None:
            raise ManifestError(
                "score normalization needs a cohort of other people: name its embeddings with --cohort"
            )
        if self.fused is not None:
            raise ManifestError(
                "fused scores cannot be normalized: the cohort is of one recognizer; choose one of both"
            )
        return normalize_scores(embedded, self.cohort, self.normalization, self.nearest)

    def apply_to_others(self, embedded: Embedded) -> Embedded:
        """A second set that takes part, such as distractors, scored in the same way.

        Raises:
            ManifestError: the first set is fused, and nothing is known of this one by the second recognizer.
        """
        if self.fused is not None:
            raise ManifestError(
                f"{embedded.origin.source} has no embeddings of the second recognizer: leave it out, or do not fuse"
            )
        return self.apply(embedded)


def fuse(a: Embedded, b: Embedded, weight: float) -> Embedded:
    """The samples of two files with both embeddings of each.

    A sample that one of the files lacks cannot be scored by both; it counts as failed.

    Args:
        a: one recognizer's embeddings.
        b: another one's, of the same set.
        weight: of a's scores.

    Raises:
        ManifestError: a weight that is not between 0 and 1, or too few samples in both.
    """
    if not 0 < weight < 1:
        raise ManifestError(f"the weight of a fusion is above 0 and below 1, not {weight:g}")
    place = {key: row for row, key in enumerate(zip(b.paths, b.records, strict=True))}
    rows = [place.get(key, -1) for key in zip(a.paths, a.records, strict=True)]
    kept = np.array([row for row, other in enumerate(rows) if other >= 0], np.int64)
    if len(kept) < 4:
        raise ManifestError(
            f"{a.origin.source} and {b.origin.source} share {len(kept)} samples; embed one set with both recognizers"
        )
    both_cosine = a.origin.metric == "cosine" == b.origin.metric
    parts = [
        _ready(one) * np.float32(np.sqrt(share))
        for one, share in ((a.take(kept), weight), (b.take(np.array([rows[row] for row in kept])), 1 - weight))
    ]
    lost = [row for row, other in enumerate(rows) if other < 0]
    return replace(
        a.take(kept),
        embeddings=np.concatenate(parts, axis=1),
        origin=replace(
            a.origin,
            contract=f"{a.origin.contract}+{b.origin.contract}",
            model=f"{a.origin.model} + {b.origin.model}",
            metric="cosine" if both_cosine else "l2",
            normalized=both_cosine,
        ),
        failed=dict(a.failed) | ({"embedded by one recognizer alone": len(lost)} if lost else {}),
        failures=(*a.failures, *((a.names[row], "embedded by one recognizer alone", "") for row in lost)),
        failed_subjects=(*a.failed_subjects, *(a.subjects[row] for row in lost)),
    )


def _ready(embedded: Embedded) -> Floats:
    """Embeddings as their scores are made: of unit length where they are compared by cosine."""
    if is_normalized(embedded.origin.metric):
        raise ContractError(f"{embedded.origin.source} is normalized already; fuse the sets as they were embedded")
    return normalize(embedded.embeddings) if embedded.origin.metric == "cosine" else embedded.embeddings


def normalize_scores(embedded: Embedded, cohort: Embedded, kind: str, nearest: int = 0) -> Embedded:
    """A set whose scores are normalized by a cohort.

    Args:
        embedded: the set.
        cohort: other people; one sample of each counts.
        kind: a name of NORMALIZATIONS.
        nearest: how many of the cohort's most similar people count, for each sample; 0 for all.

    Returns:
        The set with two further numbers behind each embedding; see mien.scores.

    Raises:
        ContractError: the cohort is of another model.
        ManifestError: somebody of the cohort is in the set, by name or by image; or the cohort is too small.
    """
    if kind not in NORMALIZATIONS:
        raise ManifestError(f"there is no normalization '{kind}'; available: {', '.join(NORMALIZATIONS)}")
    if cohort.origin.contract != embedded.origin.contract:
        raise ContractError(
            f"the cohort {cohort.origin.source} was embedded with {cohort.origin.model}, the set with "
            f"{embedded.origin.model}: embed the cohort with the same recognizer"
        )
    require_disjoint(embedded, cohort)
    people = cohort.take(np.sort(np.unique(np.asarray(cohort.subjects), return_index=True)[1]).astype(np.int64))
    if len(people) < MIN_COHORT:
        raise ManifestError(
            f"the cohort {cohort.origin.source} has {len(people)} people; at least {MIN_COHORT} are needed"
        )
    metric = base_metric(embedded.origin.metric)
    parts = np.array_split(embedded.embeddings, max(1, len(embedded) // PART))
    numbers = np.concatenate([_statistics(part, people.embeddings, nearest, metric) for part in parts])
    chosen = NORMALIZATIONS[kind][metric == "l2"]
    return replace(
        embedded,
        embeddings=np.concatenate([embedded.embeddings, numbers], axis=1),
        origin=replace(
            embedded.origin,
            contract=f"{embedded.origin.contract}, {chosen} by {cohort.origin.source}",
            model=f"{embedded.origin.model}, {kind}-norm",
            metric=chosen,
            normalized=False,
        ),
    )


def _statistics(part: Floats, people: Floats, nearest: int, metric: Metric) -> Floats:
    """(N, 2): 1 / s and mean / s of each sample's similarities to the cohort, or to its most similar people."""
    similar = similarity(score_all(part, people, metric), metric).astype(np.float64)
    if 0 < nearest < similar.shape[1]:
        similar = np.partition(similar, similar.shape[1] - nearest, axis=1)[:, -nearest:]
    spread = np.maximum(similar.std(axis=1), 1e-6)
    return floats(np.column_stack([1 / spread, similar.mean(axis=1) / spread]))


def require_disjoint(embedded: Embedded, cohort: Embedded) -> None:
    """Refuse a cohort with people or images of the set: their own scores would be among those that normalize.

    Raises:
        ManifestError: a subject without a name, a subject of both, or an image of both.
    """
    if "" in cohort.subjects:
        raise ManifestError(
            f"{cohort.names[cohort.subjects.index('')]} has no subject; a cohort says who its people are"
        )
    shared = sorted(set(cohort.subjects) & set(embedded.subjects))
    if shared:
        raise ManifestError(
            f"{len(shared)} people are in the cohort {cohort.origin.source} and in {embedded.origin.source}, such as "
            f"{shared[0]}: a cohort is of other people (see `mien data overlap`)"
        )
    images = set(embedded.sha256) - {""}
    row = next((row for row, digest in enumerate(cohort.sha256) if digest in images), None)
    if row is not None:
        raise ManifestError(
            f"{cohort.names[row]} is in the cohort and in {embedded.origin.source} under another name: a cohort is "
            "of other people (see `mien data overlap`)"
        )


def judged(report: Report, before: Embedded, after: Embedded) -> Report:
    """The report with the paired comparison of both ways to score, on single samples; without one, with that said."""
    try:
        compared = comparison(before, after)
    except ManifestError as reason:
        return report.model_copy(
            update={"warnings": (*report.warnings, message("rescored.no-verdict", why=str(reason)))}
        )
    points = len(compared.tables[0].rows)
    added = compared.tables[0].model_copy(update={"title": message("rescored.title")})
    return report.model_copy(
        update={
            "headline": (*report.headline, *compared.headline[:points]),
            "numbers": {**report.numbers, **{f"rescored: {name}": one for name, one in compared.numbers.items()}},
            "tables": (*report.tables, added),
        }
    )
