"""FNMR beyond the plain share: person by person, and with the images that have no embedding; and the cap on images.

A person with n images makes n (n - 1) / 2 mated comparisons, so a few people with many images can be the whole rate:
without a cap, one person with 530 images makes 58% of LFW's. So at most some images of a person take part, the weight
of the heaviest person is said, and the mean over people stands next to the share of comparisons. An image without an
embedding cannot match: with it, the rate is that of a system (FNMR including failures to acquire, ISO/IEC 19795-1).
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import message, share
from mien.messages import Message
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.moves import at_rate
from mien.pairwise.rates_at import misses_by_subject
from mien.rates import Estimate, Indices, rate_of_subjects, with_threshold_noise

MAX_SAMPLES = 20
"""Samples per subject that take part, so that a few people with very many do not outvote all others."""


def capped(subjects: Indices, max_samples: int, seed: int) -> Indices:
    """The samples that take part: all of a subject's, or as many as the cap allows, drawn at random."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(subjects))
    order = shuffled[np.argsort(subjects[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(subjects[order])) + 1])
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return np.sort(order[place < max_samples])


@dataclass(frozen=True, slots=True)
class Heaviest:
    """The subject with most mated comparisons.

    Attributes:
        subject: its name.
        share: of all mated comparisons.
        samples: how many of its samples take part.
    """

    subject: str
    share: float
    samples: int

    def sentence(self, max_samples: int) -> Message:
        """For a report: the cap, and who weighs most."""
        return message(
            "mated.heaviest", max_samples=max_samples, name=self.subject, share=share(self.share), count=self.samples
        )


def heaviest(embedded: Embedded, pairs: PairStatistics) -> Heaviest:
    """Who makes most mated comparisons of a set."""
    counts = np.bincount(pairs.subjects[pairs.mated_samples[:, 0]])
    number = int(counts.argmax())
    of_it = np.flatnonzero(pairs.subjects == number)
    return Heaviest(embedded.subjects[int(of_it[0])], float(counts[number] / counts.sum()), len(of_it))


def fnmr_over_people(pairs: PairStatistics, threshold: float) -> Estimate:
    """The mean over people of each one's FNMR, so that everybody counts alike."""
    errors, trials = misses_by_subject(pairs, threshold)
    able = trials > 0
    return rate_of_subjects(errors[able] / trials[able], np.ones(int(able.sum())))


def fnmr_with_failures(pairs: PairStatistics, fmr: float, embedded: Embedded, max_samples: int) -> Estimate:
    """FNMR at a wanted FMR where every image without an embedding is missed in all its mated comparisons.

    Args:
        pairs: the comparisons.
        fmr: the wanted false match rate.
        embedded: the samples that take part, and the failures of the whole set.
        max_samples: the cap; of failures no more count than it leaves room for.
    """
    point = at_rate(pairs, fmr)
    errors, trials = misses_by_subject(pairs, point.threshold)
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    names = dict(zip(dense.tolist(), embedded.subjects, strict=True))
    lost, others = _lost(np.bincount(dense), names, embedded.failed_subjects, max_samples)
    failed = float(lost.sum() + others.sum())
    total = float(trials.sum()) + failed
    loose, strict = ((rate * float(trials.sum()) + failed) / total for rate in (point.at_loose, point.at_strict))
    fixed = rate_of_subjects(np.concatenate([errors + lost, others]), np.concatenate([trials + lost, others]))
    return with_threshold_noise(fixed, (loose, strict), point.ends.missing)


def _lost(
    samples: Indices, names: dict[int, str], failed: tuple[str, ...], max_samples: int
) -> tuple[Indices, Indices]:
    """Mated comparisons that failures cost: of each subject with a sample, and of each with none."""
    failures = Counter(name for name in failed if name)
    lost = np.zeros(len(samples), np.int64)
    for number, name in names.items():
        room = min(failures.pop(name, 0), max_samples - int(samples[number]))
        lost[number] = max(0, room) * int(samples[number]) + _pairs_of(max(0, room))
    others = [_pairs_of(min(count, max_samples)) for count in failures.values() if count > 1]
    return lost, np.array(others, np.int64)


def _pairs_of(count: int) -> int:
    return count * (count - 1) // 2
