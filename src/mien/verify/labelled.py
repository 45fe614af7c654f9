"""How often decisions are wrong where the list says who is who: counts, FNMR and FMR with their intervals.

Pairs that share an image, or that the list calls the same person, are not independent: intervals take the people as
drawn, where images belong to one person if a chain of pairs labelled `same` joins them. Changes no decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.evaluate.list_rates import false_matches, false_nonmatches
from mien.evaluate.pair_lists import ScoredPairs
from mien.rates import Estimate
from mien.scores import similarity
from mien.types import floats
from mien.units import Metric
from mien.verify.decisions import Outcome, PairDecision, count_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRates:
    """What decisions are worth on the labelled pairs of a list.

    Attributes:
        same: number of pairs of one person, by outcome.
        different: number of pairs of two people, by outcome.
        fnmr: share of decided pairs of one person that did not match; None where there are none.
        fmr: share of decided pairs of two people that matched; None where there are none.
    """

    same: Mapping[Outcome, int]
    different: Mapping[Outcome, int]
    fnmr: Estimate | None
    fmr: Estimate | None


def rates_by_label(decisions: Sequence[PairDecision], threshold: float, metric: Metric) -> LabelledRates | None:
    """Count errors among the labelled pairs; None where no pair has a label.

    Args:
        decisions: of a list.
        threshold: what decided, in the metric's unit.
        metric: of the scores.
    """
    labelled = [one for one in decisions if one.pair.label is not None]
    if not labelled:
        return None
    # Pairs that failed or are uncertain are counted on their own; neither rate takes them.
    decided = [one for one in labelled if one.outcome in ("match", "no match")]
    pairs = _scored(labelled, decided, metric)
    limit = similarity(threshold, metric)
    return LabelledRates(
        same=count_outcomes([one for one in labelled if one.pair.label]),
        different=count_outcomes([one for one in labelled if not one.pair.label]),
        fnmr=false_nonmatches(pairs, limit) if pairs.mated.any() else None,
        fmr=false_matches(pairs, limit) if (~pairs.mated).any() else None,
    )


def _scored(labelled: Sequence[PairDecision], decided: Sequence[PairDecision], metric: Metric) -> ScoredPairs:
    people = _people(labelled)
    scores = [one.decision.score.value for one in decided if one.decision is not None]
    return ScoredPairs(
        scores=similarity(floats(scores), metric),
        mated=np.array([bool(one.pair.label) for one in decided], bool),
        folds=np.zeros(len(decided), np.int64),
        subjects=np.array([[people[one.pair.first], people[one.pair.second]] for one in decided], np.int64).reshape(
            -1, 2
        ),
    )


def _people(labelled: Sequence[PairDecision]) -> dict[str, int]:
    """A number of a person for each image: images that chains of `same` join have one number."""
    parent: dict[str, str] = {}

    def root(path: str) -> str:
        parent.setdefault(path, path)
        while parent[path] != path:
            parent[path] = parent[parent[path]]
            path = parent[path]
        return path

    for one in labelled:
        if one.pair.problem:
            continue
        a, b = root(one.pair.first), root(one.pair.second)
        if one.pair.label:
            parent[b] = a
    numbers: dict[str, int] = {}
    return {path: numbers.setdefault(root(path), len(numbers)) for path in list(parent)}
