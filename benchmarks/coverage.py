"""How often a 95% interval contains the truth, on simulated sets of people whose true rates are known.

A world of people: each has a direction, a share of one direction that all have in common (people who have much of it
look like one another, so their false matches are of a few), and photographs scattered as widely as is the person's
own (so the false non-matches are of a few, too). Scores are cosines; the truth comes from many more people of the
same world. The intervals were derived with another one: sums of effects of subjects, pairs and photographs
(docs/decisions/0019-intervals-by-subject.md).

The grid: people, photographs per person, light and heavy tails, weak and strong dependence; for FMR and FNMR at a
fixed threshold, the threshold for a wanted FMR, FNMR there, EER, FNIR at FPIR, what `calibrate` scores on its other
half, and how often `compare` finds no difference between two equal models.

    python benchmarks/coverage.py [--rounds 200] [--long]
"""

import sys
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

import command
from mien.errors import ManifestError
from mien.evaluate.differences import compare
from mien.evaluate.searches import deal, search
from mien.evaluate.thresholds import choose_thresholds
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import can_show, equal_error, operating_point
from mien.pairwise.rates_at import fmr_at, fnmr_at

RATES = (1e-1, 1e-2, 1e-3, 1e-4)
SIZE = 48
"""Numbers of an embedding."""
SCATTER = 0.85
"""How far photographs lie from their person, as a share of how far people lie from each other."""
STRENGTHS = {"weak": (0.25, 0.1), "strong": (0.6, 0.3)}
"""Deviations of the common direction, and of the logarithm of the scatter, among people."""
MAX_PHOTOGRAPHS = 200
"""Maximum number of photographs of a person."""
SHORT = ((20, "5"), (60, "2"), (60, "10"), (60, "geometric"), (150, "1"), (150, "5"), (150, "lfw"))
LONG = (*SHORT, (10, "10"), (20, "geometric"), (300, "1"), (300, "geometric"), (300, "lfw"), (1000, "2"))
"""People, and photographs per person."""
LFW = (
    *((1, 4069), (2, 779), (3, 291), (4, 187), (5, 112), (6, 55), (7, 39), (8, 33), (9, 26), (10, 15), (12, 30)),
    *((17, 25), (25, 20), (35, 15), (50, 8), (71, 1), (77, 1), (109, 1), (121, 1), (144, 1), (236, 1), (530, 1)),
)
"""LFW's photographs per person, and how many people have so many; those with 11 to 70 grouped."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="simulated sets per cell of the grid")
    parser.add_argument("--long", action="store_true", help="also 10, 300 and 1,000 people")
    given = parser.parse_args()
    rounds = 2 if given.smoke else given.rounds
    designs = ((12, "5"),) if given.smoke else LONG if given.long else SHORT
    generator = np.random.default_rng(11)
    rows = []
    for strength in STRENGTHS:
        for tail in ("light", "heavy"):
            world = World(strength, tail, generator, batches=1 if given.smoke else 12)
            for people, photographs in designs:
                held = Held()
                fnir = true_fnir(world, people, photographs, generator, 3 if given.smoke else 60)
                for _ in range(rounds):
                    measure(world, people, photographs, fnir, generator, held)
                row = {"people": people, "photographs": photographs, "dependence": strength, "tails": tail}
                rows.append(row | held.percent())
                print(rows[-1], file=sys.stderr, flush=True)
    command.finish("coverage", {"rounds": rounds, "% held, of 95": rows}, smoke=given.smoke)


@dataclass
class Held:
    """How often each kind of interval held the truth."""

    counts: dict[str, list[int]] = field(default_factory=dict)

    def add(self, kind: str, low: float, high: float, truth: float) -> None:
        entry = self.counts.setdefault(kind, [0, 0])
        entry[0] += 1
        entry[1] += low <= truth <= high

    def percent(self) -> dict[str, float]:
        return {kind: round(100 * held / rounds, 1) for kind, (rounds, held) in sorted(self.counts.items())}


class World:
    """People without end, and what is true of them."""

    def __init__(self, strength: str, tail: str, generator: np.random.Generator, batches: int) -> None:
        self.common, self.unequal = STRENGTHS[strength]
        self.heavy = tail == "heavy"
        counts, mated = np.zeros(20001, np.int64), []
        for _ in range(batches):
            embeddings, _ = self.photographs(self.people(5000, generator), np.ones(5000, int), generator)
            for first in range(0, 5000, 1000):
                scores = embeddings[first : first + 1000] @ embeddings.T
                others = np.arange(first, first + 1000)[:, None] < np.arange(5000)
                places = ((scores[others] + 1) * 10000).astype(int).clip(0, 20000)
                counts += np.bincount(places, minlength=20001)
            embeddings, _ = self.photographs(self.people(40000, generator), np.full(40000, 2), generator)
            mated.append((embeddings[::2] * embeddings[1::2]).sum(axis=1))
        self.above = np.cumsum(counts[::-1])[::-1] / counts.sum()
        self.mated = np.sort(np.concatenate(mated))

    def people(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Each person's direction, and how widely the photographs scatter."""
        directions = generator.standard_normal((count, SIZE)) / np.sqrt(SIZE)
        directions[:, 0] += self.common * self._drawn(count, generator)
        return directions, SCATTER * np.exp(self.unequal * self._drawn(count, generator))

    def _drawn(self, count: int, generator: np.random.Generator) -> np.ndarray:
        drawn = generator.standard_normal(count)
        return drawn / np.sqrt(generator.chisquare(5, count) / 3) if self.heavy else drawn

    @staticmethod
    def photographs(
        people: tuple[np.ndarray, np.ndarray], each: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of unit length, and whose they are."""
        owner = np.repeat(np.arange(len(each)), each)
        noise = generator.standard_normal((len(owner), SIZE)) / np.sqrt(SIZE)
        found = people[0][owner] + people[1][owner, None] * noise
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32), owner

    def fmr(self, threshold: float) -> float:
        return float(np.interp((threshold + 1) * 10000, np.arange(20001), self.above))

    def fnmr(self, threshold: float) -> float:
        return float(np.searchsorted(self.mated, threshold) / len(self.mated))

    def threshold(self, fmr: float) -> float:
        return float(np.interp(-fmr, -self.above, np.arange(20001))) / 10000 - 1

    def equal_error(self) -> float:
        grid = np.linspace(-0.5, 0.9, 2801)
        return min(grid, key=lambda limit: abs(self.fmr(limit) - self.fnmr(limit)))


def photographs_each(kind: str, people: int, generator: np.random.Generator) -> np.ndarray:
    if kind == "geometric":
        return generator.geometric(0.35, people).clip(1, 30)
    if kind == "lfw":
        return np.minimum(generator.choice(np.repeat(*np.array(LFW).T), people), MAX_PHOTOGRAPHS)
    return np.full(people, int(kind))


def measure(
    world: World, people: int, photographs: str, fnir: dict[float, float], generator: np.random.Generator, held: Held
) -> None:
    """Draw one set, with the embeddings of two equal models, and count which intervals hold the truth."""
    drawn, each = world.people(people, generator), photographs_each(photographs, people, generator)
    embeddings, owner = world.photographs(drawn, each, generator)
    again, _ = world.photographs(drawn, each, generator)
    one, two = compare_all(embeddings, owner, "cosine"), compare_all(again, owner, "cosine")
    for rate in (rate for rate in RATES if can_show(one, rate)):
        _rates(world, one, rate, held)
    if len(one.mated):
        crossing = equal_error(one)
        if crossing is not None and crossing.rate.value:
            held.add("EER", crossing.rate.low, crossing.rate.high, world.fmr(world.equal_error()))
        for point in compare(one, two):
            if point.wanted in RATES:
                held.add(f"no difference @{point.wanted:g}", point.difference.low, point.difference.high, 0.0)
    # A set may be too small to be halved, or to have people who are not enrolled.
    with suppress(ManifestError):
        _calibration(world, embeddings, owner, held)
    with suppress(ManifestError):
        _searches(embeddings, owner, fnir, held)


def _rates(world: World, pairs: PairStatistics, rate: float, held: Held) -> None:
    limit = world.threshold(rate)
    fmr = fmr_at(pairs, limit)
    held.add(f"FMR {rate:g}", fmr.low, fmr.high, rate)
    point = operating_point(pairs, rate)
    held.add(f"threshold @{rate:g}", min(point.threshold_interval), max(point.threshold_interval), limit)
    if point.fnmr is not None:
        fixed = fnmr_at(pairs, limit)
        held.add(f"FNMR at a threshold ({rate:g})", fixed.low, fixed.high, world.fnmr(limit))
        held.add(f"FNMR @{rate:g}", point.fnmr.low, point.fnmr.high, world.fnmr(limit))


def _calibration(world: World, embeddings: np.ndarray, owner: np.ndarray, held: Held) -> None:
    names = [str(number) for number in owner]
    for row in choose_thresholds(embeddings, names, "cosine", "simulated", rates=RATES[1:]).rows:
        assert row.fmr_interval is not None
        held.add(f"calibrate's FMR {row.fmr:g}", *row.fmr_interval, world.fmr(row.value))


def _searches(embeddings: np.ndarray, owner: np.ndarray, truth: dict[float, float], held: Held) -> None:
    chosen = deal(owner, seed=0)
    (found,) = search(embeddings, owner, "cosine", chosen, [len(chosen.known)])
    for point in found.points:
        if point.wanted in truth:
            held.add(f"FNIR @{point.wanted:g}", point.fnir.low, point.fnir.high, truth[point.wanted])


def true_fnir(world: World, people: int, photographs: str, generator: np.random.Generator, sets: int) -> dict:
    """FNIR where FPIR is 1e-1 and 1e-2, over many galleries of as many people, each person searching alike."""
    strangers, own = [], []
    for _ in range(sets):
        drawn, each = world.people(people, generator), photographs_each(photographs, people, generator)
        embeddings, owner = world.photographs(drawn, each, generator)
        try:
            chosen = deal(owner, seed=0)
        except ManifestError:
            return {}
        scores = embeddings[chosen.probes] @ embeddings[chosen.gallery].T
        enrolled, probes = owner[chosen.gallery], owner[chosen.probes]
        mine = probes[:, None] == enrolled
        known = mine.any(axis=1)
        strangers.append(scores[~known].max(axis=1))
        best_other = np.where(mine, -np.inf, scores)[known].max(axis=1)
        first = np.where(mine, scores, -np.inf)[known].max(axis=1)
        own.append(np.where(first > best_other, first, -np.inf))
    ranked, found = np.sort(np.concatenate(strangers))[::-1], np.sort(np.concatenate(own))
    limits = {rate: ranked[int(rate * len(ranked))] for rate in (1e-1, 1e-2)}
    return {rate: float(np.searchsorted(found, limit) / len(found)) for rate, limit in limits.items()}


if __name__ == "__main__":
    main()
