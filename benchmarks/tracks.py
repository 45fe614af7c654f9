"""Strangers' tracks made of several photographs per person: how often is one given a name, against the policy?

Half of the people give the thresholds of single comparisons, as a card does. Of the other half, everybody's first
photograph is enrolled, and their other photographs are a track, in a random order and up to 20 of them. Each track
meets every enrolled person. Strangers are all other people; the known person is the track's own.

Compared are the way of `mien watch` (the mean of the scores, at 1, 3, 8 and 20 samples that share the policy's rate,
samples within the scope alone), the same with an average embedding brought to unit length, the same without sharing,
and the naive rule: a name for any photograph over the threshold.

    python benchmarks/tracks.py [--embedded FOLDER] [--recognizer NAME]
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np

import command
import inputs
from mien.evaluate.scorefile import Embedded, read_embedded
from mien.pairwise.rates_at import place_between
from mien.rates import PairCounts, rate_of_pairs, rate_of_subjects
from mien.scores import normalize, score_all, similarity
from mien.watch.looks import COUNTS
from mien.watch.samples import MAX_SAMPLES

RATES = {"lfw": (1e-2, 1e-3), "celeba": (1e-2,)}
"""Policies (fmr) that the people of each set can show a quarter of."""
MIN_PHOTOGRAPHS = 4
"""Of a person whose track is tried: one is enrolled, three are shown."""
RULES = {
    "mien watch: mean score, the rate shared among the looks": ("mean", COUNTS, True, True),
    "average embedding at unit length, the rate shared": ("average", COUNTS, True, True),
    "mean score, the rate not shared": ("mean", COUNTS, False, True),
    "naive: any photograph over the threshold": ("mean", None, False, False),
}
"""How a track is compared: what is averaged, after how many samples, whether looks share the rate, and whether
photographs outside of the recognizer's scope are left out."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--embedded", type=Path, help="a folder of NAME-SET.parquet; those that are there are reused")
    parser.add_argument("--recognizer", default="dlib-resnet")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, results = Path(scratch), {}
        for name in ("made",) if given.smoke else RATES:
            found = embedded(name, given.recognizer, given.embedded or folder, folder)
            rates = (0.1,) if given.smoke else RATES[name]
            results[name] = measure(found, rates)
    command.finish("tracks", {"recognizer": given.recognizer, "sets": results}, smoke=given.smoke)


def embedded(name: str, recognizer: str, folder: Path, scratch: Path) -> Embedded:
    out = folder / f"{recognizer}-{name}.parquet"
    if not out.exists():
        command.mien("embed", source(name, scratch), "--recognizer", recognizer, "--out", out)
    return read_embedded(out)


def source(name: str, scratch: Path) -> Path:
    if name == "made":
        inputs.made_people(scratch / "people", 24, 5)
        return scratch / "people"
    if name == "lfw":
        for path in inputs.lfw(scratch, smoke=False):
            if path.exists() and len(list(path.parent.iterdir())) < MIN_PHOTOGRAPHS:
                shutil.rmtree(path.parent)
        return scratch / "images_deepfunneled"
    command.mien("data", "import", inputs.need(inputs.DATA / "celeba"), "--out", scratch / "celeba.parquet")
    return scratch / "celeba.parquet"


def measure(found: Embedded, rates: tuple[float, ...]) -> dict:
    generator = np.random.default_rng(0)
    names = [name for name in dict.fromkeys(found.subjects) if found.subjects.count(name) >= MIN_PHOTOGRAPHS]
    names = [names[place] for place in generator.permutation(len(names))]
    half = len(names) // 2
    rows = {name: generator.permutation(np.flatnonzero(np.array(found.subjects) == name)) for name in names}
    judges, tried = names[:half], names[half:]
    strangers = single_scores(found, rows, judges)
    out = {"people that gave the thresholds": len(judges), "people whose tracks were tried": len(tried)}
    for rate in rates:
        out[f"fmr:{rate:g}"] = {
            label: tracks(found, rows, tried, rule, thresholds(strangers, rate)) for label, rule in RULES.items()
        }
    return out


def single_scores(found: Embedded, rows: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    """Similarities of single photographs with the enrolled one of every other person, the best first."""
    metric, scores = found.origin.metric, list[np.ndarray]()
    for one in names:
        inside = within(found, rows[one][1:])
        others = np.stack([found.embeddings[rows[other][0]] for other in names if other != one])
        scores += [pairs(found.embeddings[inside], others, metric).ravel()]
    return np.sort(np.concatenate(scores))[::-1]


def pairs(samples: np.ndarray, enrolled: np.ndarray, metric: str) -> np.ndarray:
    """(N, M) similarities."""
    return similarity(score_all(samples, enrolled, metric), metric)


def within(found: Embedded, rows: np.ndarray) -> np.ndarray:
    """The rows whose faces are within the recognizer's scope."""
    return np.array([row for row in rows if not found.scopes or not (s := found.scopes[row]) or not s.outside], int)


def thresholds(strangers: np.ndarray, rate: float) -> tuple[float, float]:
    """The similarity at a rate of single comparisons, and at the share of one of the looks."""
    whole, share = (place_between(strangers, int(len(strangers) * one)) for one in (rate, rate / len(COUNTS)))
    return float(whole), float(share)


def tracks(
    found: Embedded,
    rows: dict[str, np.ndarray],
    names: list[str],
    rule: tuple[str, tuple[int, ...] | None, bool, bool],
    limits: tuple[float, float],
) -> dict:
    kind, counts, shares, scoped = rule
    limit, count = limits[shares], len(names)
    enrolled = np.stack([found.embeddings[rows[name][0]] for name in names])
    wrong, named, trials = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    for place, name in enumerate(names):
        own = (within(found, rows[name][1:]) if scoped else rows[name][1:])[:MAX_SAMPLES]
        if not len(own):
            continue
        trials[place] = 1
        best = looks(found.embeddings[own], enrolled, found.origin.metric, kind, counts)
        wrong[place] = (best >= limit).any(axis=0)
        last = best[-1] if counts else best.max(axis=0)
        named[place] = last.argmax() == place and last[place] >= limit
        wrong[place, place] = 0
    return summary(wrong, named, trials)


def looks(
    samples: np.ndarray, enrolled: np.ndarray, metric: str, kind: str, counts: tuple[int, ...] | None
) -> np.ndarray:
    """(L, M) the similarity of the track with everybody at each look; a track that is shorter has fewer looks."""
    if counts is None:
        return pairs(samples, enrolled, metric)
    ends = [count for count in counts if count <= len(samples)]
    if kind == "average":
        means = [samples[:end].mean(axis=0) for end in ends]
        return pairs(normalize(np.stack(means)) if metric == "cosine" else np.stack(means), enrolled, metric)
    single = similarity(pairs(samples, enrolled, metric), metric)
    return np.stack([similarity(single[:end].mean(axis=0), metric) for end in ends])


def summary(wrong: np.ndarray, named: np.ndarray, trials: np.ndarray) -> dict:
    """Rates in percent with their intervals: of strangers by pairs of people, of known people by person."""
    count = int(trials.sum())
    expected = wrong.sum() / (count * (len(wrong) - 1))
    both = wrong + wrong.T
    matches, comparisons = both.sum(axis=1), np.full(len(wrong), 2.0 * (len(wrong) - 1))
    counts = PairCounts(
        subjects=len(wrong),
        total=count * (len(wrong) - 1.0),
        wrong=float(wrong.sum()),
        matches=matches,
        comparisons=comparisons,
        by_pair=float(np.triu(np.square(both - 2 * expected), 1).sum()),
    )
    found = {"strangers accepted": rate_of_pairs(counts), "known people named": rate_of_subjects(named, trials)}
    percent = {name: [round(100 * v, 3) for v in (one.value, one.low, one.high)] for name, one in found.items()}
    return percent | {
        "tracks": count,
        "tracks of strangers given any name %": round(100 * any_name(wrong, trials), 2),
    }


def any_name(wrong: np.ndarray, trials: np.ndarray) -> float:
    return float(wrong.any(axis=1)[trials > 0].mean())


if __name__ == "__main__":
    main()
