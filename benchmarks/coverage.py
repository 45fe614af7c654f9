"""How often a 95% interval contains the truth, on simulated sets of people whose true rates are known.

A world of people: each has a direction, a share of one direction that all have in common (people who have much of it
look like one another, so their false matches are of a few), and photographs scattered as widely as is the person's
own (so the false non-matches are of a few, too). Scores are cosines; the truth comes from many more people of the
same world. The intervals were derived with another one: sums of effects of subjects, pairs and photographs
(docs/decisions/0019-intervals-by-subject.md).

The grid: people, photographs per person, light and heavy tails, weak and strong dependence; for every interval that
mien prints. An interval that mien refuses (it says how many people are missing) is counted as refused, not as held.
The result is printed as a table, with the cells that fall short; --document writes it into docs/guide/intervals.md.

    python benchmarks/coverage.py [--rounds 60] [--long] [--processes 2] [--document]
    python benchmarks/coverage.py --rounds 300 --designs 20x5 60x10    # a closer look; only prints
    python benchmarks/coverage.py --rounds 200 --searches    # 1:N alone; result of its own
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import numpy as np

import command
import machine
from mien.errors import ManifestError
from mien.evaluate.differences import compare
from mien.evaluate.distributions import separation
from mien.evaluate.list_rates import area_of, list_point, share_right
from mien.evaluate.list_rates import equal_error as list_equal_error
from mien.evaluate.pair_lists import ScoredPairs, folded_accuracy, roc
from mien.evaluate.searches import deal, search
from mien.evaluate.thresholds import choose_thresholds
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import can_show, equal_error, operating_point
from mien.pairwise.rates_at import fmr_at, fnmr_at
from mien.pairwise.strata import strata_at
from mien.rates import Estimate

RATES = (0.3, 1e-1, 1e-2, 1e-3, 1e-4)
SIZE = 48
"""Numbers of an embedding."""
SCATTER = 0.85
"""How far photographs lie from their person, as a share of how far people lie from each other."""
STRENGTHS = {"weak": (0.25, 0.1), "strong": (0.6, 0.3)}
"""Deviations of the common direction, and of the logarithm of the scatter, among people."""
TAILS = ("light", "heavy")
MAX_PHOTOGRAPHS = 200
"""Maximum number of photographs of a person."""
LISTED, FOLDS = 3, 10
"""Mated pairs of a person on a list, with as many non-mated ones, and its folds."""
SHORT = ((20, "5"), (60, "2"), (60, "10"), (60, "geometric"), (60, "5 twice"), (150, "1"), (150, "5"), (150, "lfw"))
LONG = (*SHORT, (10, "10"), (20, "geometric"), (300, "1"), (300, "geometric"), (300, "lfw"), (1000, "2"))
"""People, and photographs per person; "5 twice" has each photograph twice, so that scores are tied."""
SEARCHED = ((80, "5"), (100, "5"), (150, "5"), (150, "lfw"), (300, "geometric"), (300, "lfw"), (1000, "2"))
"""Designs with 100 searches of strangers and more, so that they show an FPIR of 0.1."""
ASKED, MARGIN, MIN_SHOWN = 93.0, 2.5, 10
"""What a cell should hold at least, in percent; how many standard errors below a cell must be to be named; and the
intervals that a cell must have."""
LFW = (
    *((1, 4069), (2, 779), (3, 291), (4, 187), (5, 112), (6, 55), (7, 39), (8, 33), (9, 26), (10, 15), (12, 30)),
    *((17, 25), (25, 20), (35, 15), (50, 8), (71, 1), (77, 1), (109, 1), (121, 1), (144, 1), (236, 1), (530, 1)),
)
"""LFW's photographs per person, and how many people have so many; those with 11 to 70 grouped."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="simulated sets per cell of the grid")
    parser.add_argument("--long", action="store_true", help="also 10, 300 and 1,000 people")
    parser.add_argument("--processes", type=int, default=2, help="processes, each with cells of its own")
    parser.add_argument("--document", action="store_true", help="write the table into docs/guide/intervals.md")
    parser.add_argument("--designs", nargs="+", help="only these of the long grid, such as 20x5; nothing is written")
    parser.add_argument("--searches", action="store_true", help="only FNIR, FPIR and rank-1, in designs of their own")
    given = parser.parse_args()
    rounds = 2 if given.smoke else given.rounds
    whole = SEARCHED if given.searches else LONG if given.long else SHORT
    designs = ((32, "3"),) if given.smoke else whole
    if given.designs:
        listed = SEARCHED if given.searches else LONG
        designs = tuple(one for one in listed if f"{one[0]}x{one[1]}" in given.designs)
    size = LONG_CHUNK if given.searches else CHUNK
    chunks = [
        (*one, chunk, min(size, rounds - first), given.smoke)
        for one in product(STRENGTHS, TAILS, designs)
        for chunk, first in enumerate(range(0, rounds, size))
    ]
    # The slowest first, so that no process is left with them at the end.
    chunks.sort(key=lambda one: -one[2][0])
    found: dict[tuple, Held] = {}
    with ProcessPoolExecutor(given.processes) as pool:
        for chunk, held in zip(chunks, pool.map(run_searches if given.searches else run_chunk, chunks), strict=True):
            found.setdefault(chunk[:3], Held()).merge(held)
            print(chunk, file=sys.stderr, flush=True)
    rows = [_row(*cell, held) for cell, held in found.items()]
    print(table(rows))
    if given.designs:
        return
    if given.searches:
        command.finish("coverage_searches", {"rounds": rounds, "% held, of 95": rows}, smoke=given.smoke)
        return
    if given.document and not given.smoke:
        document(table(rows), rounds, designs)
    command.finish("coverage", {"rounds": rounds, "% held, of 95": rows}, smoke=given.smoke)


GUIDE = machine.ROOT / "docs" / "guide" / "intervals.md"
RESULT = "[result](../../benchmarks/results/coverage.json)"
BEGIN, END = "<!-- the grid -->\n", "<!-- end of the grid -->\n"
"""What the table is between in the guide."""


def document(text: str, rounds: int, designs: Sequence[tuple[int, str]]) -> None:
    """Write the table with its designs into the guide, in place of the last one."""
    before, _, rest = GUIDE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    listed = "\n".join(f"- {people} people, photographs per person: {kind}" for people, kind in sorted(designs))
    said = f"{rounds} sets in each of these designs, in all four worlds ({RESULT}):\n\n{listed}\n\n{text}\n"
    GUIDE.write_text(f"{before}{BEGIN}{said}{END}{after}", encoding="utf-8")


CHUNK, LONG_CHUNK = 10, 100
"""Rounds that a process makes at a time; of searches alone."""
Chunk = tuple[str, str, tuple[int, str], int, int, bool]
"""Dependence, tails, the design, the number of the chunk, its rounds, and whether it is a smoke run."""


@cache
def world_of(strength: str, tail: str, batches: int) -> "World":
    return World(strength, tail, np.random.default_rng(abs(hash_of(strength, tail))), batches=batches)


def hash_of(*parts: object) -> int:
    """A seed that is the same in every process."""
    return int.from_bytes("|".join(map(str, parts)).encode()[-6:], "big")


def run_chunk(chunk: Chunk) -> "Held":
    strength, tail, (people, photographs), number, rounds, smoke = chunk
    world = world_of(strength, tail, 1 if smoke else 12)
    generator = np.random.default_rng([people, hash_of(photographs), hash_of(strength, tail), number])
    held = Held()
    searched = true_searches(world, people, photographs, generator, 3 if smoke else 60)
    for _ in range(rounds):
        measure(world, people, photographs, searched, generator, held)
    return held


def run_searches(chunk: Chunk) -> "Held":
    """Searches alone, which need less of a world: no true rates of pairs."""
    strength, tail, (people, photographs), number, rounds, smoke = chunk
    world = world_of(strength, tail, 1)
    generator = np.random.default_rng([people, hash_of(photographs), hash_of(strength, tail), number, 1])
    held = Held()
    truth = true_searches(world, people, photographs, generator, 3 if smoke else 60)
    for _ in range(rounds):
        drawn, each = world.people(people, generator), photographs_each(photographs, people, generator)
        with suppress(ManifestError):
            _searches(*world.photographs(drawn, each, generator), truth, held)
    return held


def _row(strength: str, tail: str, design: tuple[int, str], held: "Held") -> dict:
    return {
        "people": design[0],
        "photographs": design[1],
        "dependence": strength,
        "tails": tail,
        "held": held.percent(),
        "shown": {kind: shown for kind, (shown, _, _) in sorted(held.counts.items())},
        "refused": {kind: refused for kind, (_, _, refused) in sorted(held.counts.items()) if refused},
    }


def table(rows: Sequence[dict]) -> str:
    """The mean of the designs, the lowest and the highest, by kind of interval and world, as Markdown."""
    worlds = list(product(STRENGTHS, TAILS))
    lines = ["| interval of | " + " | ".join(f"{a}, {b}" for a, b in worlds) + " |", "|---" * 5 + "|"]
    short = []
    for kind in dict.fromkeys(kind for row in rows for kind in (*row["held"], *row["refused"])):
        cells = []
        for strength, tail in worlds:
            own = [row for row in rows if (row["dependence"], row["tails"]) == (strength, tail)]
            known = [(row, row["held"][kind]) for row in own if row["shown"].get(kind, 0) >= MIN_SHOWN]
            refused = sum(row["refused"].get(kind, 0) for row in own)
            values = [value for _, value in known]
            text = f"{np.mean(values):.0f} ({min(values):.0f} to {max(values):.0f})" if values else "none"
            cells.append(text + (f"; {refused} refused" if refused else ""))
            for row, value in known:
                allowed = MARGIN * 100 * (0.95 * 0.05 / row["shown"][kind]) ** 0.5
                if value < ASKED - allowed:
                    design = f"{row['people']} people x {row['photographs']}"
                    short.append(f"- {kind}, {strength} {tail}, {design}: {value:.0f}")
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    every = [row["held"][kind] for row in rows for kind, shown in row["shown"].items() if shown >= MIN_SHOWN]
    mean = (
        f"The mean of all {len(every)} cells is {np.mean(every):.1f}." if every else "No cell has enough intervals."
    )
    named = f"Cells below {ASKED:.0f} by more than chance explains:"
    return "\n".join([*lines, "", mean, "", named, "", *(short or ["- none"])])


@dataclass
class Held:
    """How often each kind of interval was shown, held the truth, and was refused."""

    counts: dict[str, list[int]] = field(default_factory=dict)

    def add(self, kind: str, ends: tuple[float, float] | None, truth: float) -> None:
        entry = self.counts.setdefault(kind, [0, 0, 0])
        if ends is None:
            entry[2] += 1
            return
        entry[0] += 1
        entry[1] += min(ends) <= truth <= max(ends)

    def merge(self, other: "Held") -> None:
        for kind, counts in other.counts.items():
            own = self.counts.setdefault(kind, [0, 0, 0])
            own[:] = [one + more for one, more in zip(own, counts, strict=True)]

    def add_rate(self, kind: str, found: Estimate, truth: float) -> None:
        self.add(kind, found.interval, truth)

    def percent(self) -> dict[str, float | None]:
        return {
            kind: round(100 * held / shown, 1) if shown else None
            for kind, (shown, held, _) in sorted(self.counts.items())
        }


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
        middles = (np.arange(20001) + 0.5) / 10000 - 1
        mean = float(counts @ middles / counts.sum())
        variance = float(counts @ (middles - mean) ** 2 / counts.sum())
        spread = np.sqrt((self.mated.var() + variance) / 2)
        self.separation = float((self.mated.mean() - mean) / spread)
        self.area = float(1 - np.interp((self.mated + 1) * 10000, np.arange(20001), self.above).mean())

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
    return np.full(people, int(kind.split()[0]))


def measure(
    world: World, people: int, photographs: str, searched: dict, generator: np.random.Generator, held: Held
) -> None:
    """Draw one set, with the embeddings of two equal models, and count which intervals hold the truth."""
    drawn, each = world.people(people, generator), photographs_each(photographs, people, generator)
    embeddings, owner = world.photographs(drawn, each, generator)
    if photographs.endswith("twice"):
        # Copies are tied with each other; they say nothing of false non-matches.
        twice = compare_all(np.repeat(embeddings, 2, axis=0), np.repeat(owner, 2), "cosine")
        for rate in (rate for rate in RATES if can_show(twice, rate)):
            _false_matches(world, twice, rate, held, "tied ")
        return
    again, _ = world.photographs(drawn, each, generator)
    groups = [("a", "b")[number % 2] for number in owner]
    one, two = compare_all(embeddings, owner, "cosine", strata=groups), compare_all(again, owner, "cosine")
    for rate in (rate for rate in RATES if can_show(one, rate)):
        _rates(world, one, rate, held)
    if len(one.mated):
        crossing = equal_error(one)
        if crossing is not None:
            held.add_rate("EER", crossing.rate, world.fmr(world.equal_error()))
        held.add_rate("d'", separation(one), world.separation)
        for point in compare(one, two):
            if point.wanted in RATES:
                found = point.difference
                ends = None if found.missing else (found.low, found.high)
                held.add(f"no difference @{point.wanted:g}", ends, 0.0)
        _list(world, embeddings, owner, generator, held)
    # A set may be too small to be halved, or to have people who are not enrolled.
    with suppress(ManifestError):
        _calibration(world, embeddings, owner, held)
    with suppress(ManifestError):
        _searches(embeddings, owner, searched, held)


def _false_matches(world: World, pairs: PairStatistics, rate: float, held: Held, kind: str = "") -> None:
    limit = world.threshold(rate)
    held.add_rate(f"{kind}FMR {rate:g}", fmr_at(pairs, limit), rate)
    point = operating_point(pairs, rate)
    held.add(f"{kind}threshold @{rate:g}", point.threshold_interval, limit)


def _rates(world: World, pairs: PairStatistics, rate: float, held: Held) -> None:
    _false_matches(world, pairs, rate, held)
    limit = world.threshold(rate)
    for row in strata_at(pairs, limit):
        if rate * row.fmr.count >= SHOWN:
            held.add_rate(f"FMR {rate:g} {'within' if row.a == row.b else 'between'} groups", row.fmr, rate)
    point = operating_point(pairs, rate)
    if point.fnmr is not None and rate < max(RATES):
        held.add_rate(f"FNMR at a threshold ({rate:g})", fnmr_at(pairs, limit), world.fnmr(limit))
        held.add_rate(f"FNMR @{rate:g}", point.fnmr, world.fnmr(limit))


SHOWN = 10
"""Expected false matches within a group from which on its rate is looked at."""


def _list(
    world: World, embeddings: np.ndarray, owner: np.ndarray, generator: np.random.Generator, held: Held
) -> None:
    """A list of pairs in folds of people: up to three mated ones of each, and as many non-mated ones."""
    rows = []
    order = generator.permutation(len(owner))
    for person in np.unique(owner):
        own = order[owner[order] == person][: LISTED + 1]
        rows += [(own[0], other, 1) for other in own[1:]]
    people = len(np.unique(owner))
    fold_of = generator.permutation(people) % FOLDS
    for first, _, _ in list(rows):
        fold = fold_of[owner[first]]
        others = np.flatnonzero((fold_of[owner] == fold) & (owner != owner[first]))
        if len(others):
            rows.append((first, generator.choice(others), 0))
    a, b, mated = (np.array(column) for column in zip(*rows, strict=True))
    scores = (embeddings[a] * embeddings[b]).sum(axis=1)
    listed = ScoredPairs(scores, mated.astype(bool), fold_of[owner[a]], np.column_stack([owner[a], owner[b]]))
    if listed.mated.all():
        return
    held.add_rate("AUC of a list", area_of(listed, roc(listed.scores, listed.mated)), world.area)
    crossing = list_equal_error(listed, roc(listed.scores, listed.mated))
    held.add_rate("EER of a list", crossing.rate, world.fmr(world.equal_error()))
    if (~listed.mated).sum() * 0.1 >= SHOWN:
        point = list_point(listed, 0.1)
        held.add_rate("FNMR @0.1 of a list", point.fnmr, world.fnmr(world.threshold(0.1)))
    with suppress(ManifestError):
        folded = folded_accuracy(listed)
        limits = [folded.thresholds[place] for place in range(len(folded.thresholds))]
        truth = np.mean([1 - (world.fmr(limit) + world.fnmr(limit)) / 2 for limit in limits])
        held.add_rate("accuracy of folds", share_right(listed, folded.right), float(truth))


def _calibration(world: World, embeddings: np.ndarray, owner: np.ndarray, held: Held) -> None:
    names = [str(number) for number in owner]
    for row in choose_thresholds(embeddings, names, "cosine", "simulated", rates=RATES[2:]).rows:
        held.add(f"calibrate's FMR {row.fmr:g}", row.fmr_interval, world.fmr(row.value))


def _searches(embeddings: np.ndarray, owner: np.ndarray, truth: dict, held: Held) -> None:
    chosen = deal(owner, seed=0)
    (found,) = search(embeddings, owner, "cosine", chosen, [len(chosen.known)])
    if truth:
        held.add_rate("rank-1", found.hits[0][1], truth["rank-1"])
    for point in found.points:
        if point.wanted in truth:
            held.add_rate(f"FNIR @{point.wanted:g}", point.fnir, truth[point.wanted])
            strangers = truth["strangers"]
            real = 1 - np.searchsorted(strangers, point.threshold) / len(strangers)
            held.add_rate(f"FPIR at the threshold @{point.wanted:g}", point.fpir, float(real))


def true_searches(
    world: World, people: int, photographs: str, generator: np.random.Generator, sets: int
) -> dict[float | str, float | np.ndarray]:
    """Over many galleries of as many people, each person searching alike.

    Returns:
        FNIR where FPIR is 1e-1 and 1e-2, by these; "rank-1", and the scores of "strangers", rising.
    """
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
    ranked, found = np.sort(np.concatenate(strangers)), np.sort(np.concatenate(own))
    limits = {rate: ranked[-1 - int(rate * len(ranked))] for rate in (1e-1, 1e-2)}
    missed = {rate: float(np.searchsorted(found, limit) / len(found)) for rate, limit in limits.items()}
    return {**missed, "rank-1": float(np.isfinite(found).mean()), "strangers": ranked}


if __name__ == "__main__":
    main()
