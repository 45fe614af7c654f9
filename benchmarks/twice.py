"""One person in two folders: is the audit as often right as it says?

Photographs of some people are put into a second folder: one to five of them, never all but one. On CelebA the
certainty of mien.portrait.dataset.standing is fitted (logistic regression over pairs of folders of which each is the
other's nearest, without the two people of CelebA that are one); on LFW, where nothing was fitted, said and true
certainty are compared, in all and for people with East and South-East Asian names, whom recognizers confuse.
LFW's own pairs of folders of one person (benchmarks/errata/lfw-twice.txt) are left out of that, and count as right
where nothing was planted.

    mien embed SET --out set.parquet   # each set once
    python benchmarks/twice.py --celeba celeba.parquet --lfw lfw.parquet --picture curve.png
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.vectors import in_memory
from mien.evaluate.scorefile import Embedded, read_embedded
from mien.portrait.dataset.labels import Labels, labels_of
from mien.portrait.dataset.standing import margins
from mien.types import floats

SEEDS, REPORTED = range(8), range(3)
"""Draws of the people who get a second folder, for the fit and for the report."""
PLANTED, MIN_PHOTOGRAPHS, MAX_MOVED = 30, 4, 5
"""People who get a second folder, photographs that they have, and photographs that are moved."""
ONE_PERSON = ("7392", "7393")
"""Two people of CelebA who are one."""
BINS = (0.0, 0.5, 0.8, 0.95, 1.0001)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--celeba", type=Path, help="embedding file of CelebA's people")
    parser.add_argument("--lfw", type=Path, help="embedding file of LFW")
    parser.add_argument("--picture", type=Path, help="write the reliability curve to a PNG")
    given = parser.parse_args()
    if given.smoke:
        celeba = lfw = made_set()
    elif given.celeba is None or given.lfw is None:
        command.skip("--celeba and --lfw are needed: embedding files that `mien embed` wrote")
    else:
        celeba, lfw = read_embedded(given.celeba), read_embedded(given.lfw)
    asian = _names("names-asian.txt") if not given.smoke else set(celeba.subjects[:3])
    found = reliability(lfw, asian)
    result = {
        "model": lfw.origin.model,
        "fitted on CelebA": fit(celeba),
        "LFW, planted": found,
        "LFW as it is": as_it_is(lfw),
    }
    if given.picture is not None:
        draw(found, given.picture)
    command.finish("twice", result, smoke=given.smoke)


def _names(file: str) -> set[str]:
    return set((inputs.need(inputs.DATA / "lfw" / file)).read_text(encoding="utf-8").split())


def made_set() -> Embedded:
    """Forty made-up people with six photographs each."""
    from mien.evaluate.in_memory import embedded_of

    draws = np.random.default_rng(0)
    numbers = np.repeat(np.arange(40), 6)
    vectors = draws.standard_normal((40, 32))[numbers] + 0.6 * draws.standard_normal((240, 32))
    return embedded_of(floats(vectors), [f"p{number:02d}" for number in numbers], name="made-up")


def planted(embedded: Embedded, seed: int) -> tuple[np.ndarray, dict[int, int], list[str]]:
    """Folders with some people in two, each first folder with its second, and the name of each folder's person."""
    names, numbers = np.unique(np.asarray(embedded.subjects), return_inverse=True)
    draws, folders, second = np.random.default_rng(seed), numbers.copy(), {}
    people = list(names)
    for person in draws.permutation(np.flatnonzero(np.bincount(numbers) >= MIN_PHOTOGRAPHS))[:PLANTED].tolist():
        own = draws.permutation(np.flatnonzero(numbers == person))
        moved = min(int(draws.integers(1, MAX_MOVED + 1)), len(own) - 2)
        second[person] = len(people)
        folders[own[:moved]] = second[person]
        people.append(names[person])
    return folders, second, people


def fit(celeba: Embedded) -> dict:
    """The logistic regression of being one person on the margin, over pairs that are each other's nearest."""
    rows = []
    for seed in SEEDS:
        folders, second, people = planted(celeba, seed)
        labels = labels_of(celeba.embeddings, folders, celeba.origin.metric)
        pairs = [pair for pair in nearest_pairs(labels) if not {people[one] for one in pair} & set(ONE_PERSON)]
        means = in_memory(floats([labels.vectors.rows(groups[0]).mean(axis=0) for groups in labels.groups]))
        values = margins(means, pairs, labels.metric, labels.evidence.same_sd)
        rows += [(value, second.get(a) == b) for (a, b), value in zip(pairs, values, strict=True)]
    x, y = np.array(rows, np.float64).T
    design, weights = np.column_stack([np.ones(len(x)), x]), np.zeros(2)
    for _ in range(50):
        expected = 1 / (1 + np.exp(-design @ weights))
        curvature = design.T @ (design * (expected * (1 - expected))[:, None]) + 1e-6 * np.eye(2)
        weights += np.linalg.solve(curvature, design.T @ (y - expected))
    return {
        "pairs": len(x),
        "of one person": round(float(y.mean()), 3),
        "steep": round(float(weights[1]), 2),
        "centre": round(float(-weights[0] / weights[1]), 2),
    }


def nearest_pairs(labels: Labels) -> list[tuple[int, int]]:
    """Pairs of folders of which each is the other's nearest."""
    means = floats([labels.vectors.rows(groups[0]).mean(axis=0) for groups in labels.groups])
    scores = means @ means.T
    if labels.metric == "l2":
        scores = 2 * scores - (means**2).sum(axis=1)[:, None] - (means**2).sum(axis=1)[None]
    np.fill_diagonal(scores, -np.inf)
    nearest = scores.argmax(axis=1)
    return [(a, int(b)) for a, b in enumerate(nearest) if a < b and nearest[b] == a]


def reliability(embedded: Embedded, asian: set[str]) -> dict:
    """Said and true certainty of pairs that the evidence alone takes for one person, and how many were found."""
    known = known_pairs()
    rows, groups, recalled = [], [], []
    for seed in REPORTED:
        folders, second, people = planted(embedded, seed)
        labels = labels_of(embedded.embeddings, folders, embedded.origin.metric)
        merges = labels.merges(0.0)
        said = {(one.a, one.b): one.certainty for one in merges}
        recalled += [(said.get(pair, 0.0) >= 0.5, people[pair[0]] in asian) for pair in second.items()]
        for (a, b), certainty in said.items():
            if certainty < 0.02 or frozenset((people[a], people[b])) in known:
                continue
            rows.append((certainty, second.get(a) == b))
            groups.append(people[a] in asian or people[b] in asian)
    values, among = np.array(rows, np.float64).reshape(-1, 2), np.array(groups, bool)
    found = np.array(recalled, bool)
    return {
        name: {
            "curve": curve(values[chosen]),
            "found": f"{int(found[who, 0].sum())} of {int(who.sum())}",
        }
        for name, chosen, who in (
            ("everybody", np.ones(len(values), bool), np.ones(len(found), bool)),
            ("Asian names", among, found[:, 1]),
            ("other names", ~among, ~found[:, 1]),
        )
    }


def curve(values: np.ndarray) -> list[dict]:
    """By bins of what was said: how many pairs, what was said on average, and the share that is right."""
    rows = []
    for low, high in pairwise(BINS):
        inside = values[(values[:, 0] >= low) & (values[:, 0] < high)]
        if len(inside):
            said, right = inside.mean(axis=0)
            rows.append({"pairs": len(inside), "said": round(float(said), 3), "right": round(float(right), 3)})
    return rows


def known_pairs() -> set[frozenset[str]]:
    lines = (machine.ROOT / "benchmarks" / "errata" / "lfw-twice.txt").read_text(encoding="utf-8").splitlines()
    return {frozenset(line.split()) for line in lines if line and not line.startswith("#")}


def as_it_is(lfw: Embedded) -> dict:
    """What is found where nothing was planted, and what would be found by the evidence alone."""
    folders = np.unique(np.asarray(lfw.subjects), return_inverse=True)[1]
    names = sorted(set(lfw.subjects))
    labels = labels_of(lfw.embeddings, folders, lfw.origin.metric)
    merges, known = labels.merges(), known_pairs()
    rows = [(names[one.a], names[one.b], round(one.certainty, 3)) for one in merges]
    confused = labels.confused()
    return {
        "found": rows,
        "of one person": sum(frozenset(row[:2]) in known for row in rows),
        "mean certainty": round(float(np.mean([row[2] for row in rows])), 3) if rows else None,
        "groups of confusable people": len(confused),
        "people in them": sum(len(one.folders) for one in confused),
        "the largest": max((len(one.folders) for one in confused), default=0),
    }


def draw(found: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4))
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    for name, one in found.items():
        points: Sequence[dict] = one["curve"]
        axes.plot([row["said"] for row in points], [row["right"] for row in points], marker="o", label=name)
    axes.set_xlabel("certainty that was said")
    axes.set_ylabel("share that is one person")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
