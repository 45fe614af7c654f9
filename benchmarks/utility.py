"""Does quality matter? Error-versus-discard curves of LFW for two recognizers; weights of the overall quality.

At the threshold where 10% of all mated pairs do not match, the pairs with the worst quality (of their worse
photograph) are discarded step by step, and the FNMR of the rest is drawn against the discarded share. The area under
the curve up to 20% is compared with that of discarding at random (flat at 10%) and by face size alone.

    python benchmarks/utility.py fit      # prints weights from CelebA; they are in mien/portrait/measures/quality.py
    python benchmarks/utility.py          # the curves on LFW
"""

import pickle
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.workers import ordered
from mien.detect.families import open_detector
from mien.models import store
from mien.models.options import EngineOptions
from mien.pipeline import file_item
from mien.portrait.examine import Examiner
from mien.portrait.measures import quality
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.measure import Measured
from mien.recognize.recognizer import Recognizer
from mien.scores import score_pairs

MAX_PHOTOGRAPHS = 10
"""Photographs compared per person; more would let a few people decide."""
START, UPTO = 0.10, 0.20
RECOGNIZERS = ("dlib-resnet", "mobilefacenet")
SMOKE_RECOGNIZERS = ("dlib-resnet", "mien-r29")
CHUNK = 16


def work(item: tuple[tuple[str, ...], list[str]]) -> list[tuple]:
    """Measures, overall quality and embeddings by the named recognizers, of each file."""
    names, paths = item
    global tools
    if "tools" not in globals():
        options = EngineOptions(threads=1, streams=1)
        tools = Examiner(open_detector("mtcnn", options)), [Recognizer(store.load(n), options) for n in names]
    examiner, networks = tools
    rows = []
    for path, one in zip(paths, examiner.items([file_item(Path(p)) for p in paths]), strict=True):
        if one.chip is None:
            rows.append((path, None, None, None, None))
            continue
        portrait = one.portrait
        vectors = [net.embed(net.align(portrait.image, portrait.face)[None])[0] for net in networks]
        table = {name: (m.value, m.quality) for name, m in one.measures.items()}
        rows.append((path, table, one.overall, portrait.face.score, vectors))
    return rows


def examine(paths: list[Path], name: str, recognizers: tuple[str, ...]) -> list[tuple]:
    """All files; the rows are kept in the temporary folder, as this takes minutes."""
    kept = Path(tempfile.gettempdir()) / f"mien-utility-{name}-{machine.describe()['commit']}.pkl"
    if kept.exists() and "+" not in kept.name:
        return pickle.loads(kept.read_bytes())
    rows = measure(paths, recognizers, machine.describe()["cores"])
    kept.write_bytes(pickle.dumps(rows))
    return rows


def measure(paths: list[Path], recognizers: tuple[str, ...], workers: int) -> list[tuple]:
    chunks = [(recognizers, [str(p) for p in paths[i : i + CHUNK]]) for i in range(0, len(paths), CHUNK)]
    return [row for part in ordered(work, chunks, workers) for row in part]


def pairs_of(subjects: list[str], usable: list[bool], seed: int = 0) -> np.ndarray:
    """(N, 2) all mated pairs of at most MAX_PHOTOGRAPHS photographs of a person."""
    generator = np.random.default_rng(seed)
    groups: dict[str, list[int]] = {}
    for index in generator.permutation(len(subjects)):
        if usable[index] and len(groups.setdefault(subjects[index], [])) < MAX_PHOTOGRAPHS:
            groups[subjects[index]].append(int(index))
    return np.array([pair for group in groups.values() for pair in combinations(sorted(group), 2)])


def similarities(rows: list[tuple], pairs: np.ndarray, recognizers: tuple[str, ...], which: int) -> np.ndarray:
    """(N,) higher is more alike."""
    metric = store.load(recognizers[which]).card.embedding.metric
    vectors = np.array([row[4][which] if row[4] else np.zeros_like(rows_first(rows)[which]) for row in rows])
    scores = score_pairs(vectors[pairs[:, 0]], vectors[pairs[:, 1]], metric)
    return scores if metric == "cosine" else -scores


def rows_first(rows: list[tuple]) -> list[np.ndarray]:
    return next(row[4] for row in rows if row[4])


def curve(worse: np.ndarray, scores: np.ndarray, seed: int = 0) -> tuple[np.ndarray, float]:
    """FNMR at 0, 1, ... 20% discarded, and the area up to 20% relative to the flat one (1 is random)."""
    threshold = np.quantile(scores, START)
    ties = np.random.default_rng(seed).random(len(worse))
    order = np.lexsort((ties, worse))
    missed = (scores < threshold)[order]
    shares = np.arange(0, UPTO + 1e-9, 0.01)
    rates = np.array([missed[round(share * len(missed)) :].mean() for share in shares])
    return rates, float(np.trapezoid(rates, shares) / (START * UPTO))


def table_of(rows: list[tuple], names: list[str]) -> np.ndarray:
    """(N, M) qualities over 100; a missing one counts as the mean."""
    values = np.array(
        [[np.nan if not row[1] or row[1][n][1] is None else row[1][n][1] for n in names] for row in rows]
    )
    means = np.nanmean(values, axis=0)
    return np.where(np.isnan(values), means, values) / 100


FITTED = (
    "sharpness", "motion_blur", "noise", "compression", "enlargement", "inter_eye", "yaw", "pitch", "roll",
    "luminance", "luminance_variance", "under_exposure", "over_exposure", "dynamic_range", "illumination",
    "cheek_balance", "four_zones", "glasses", "dark_lenses", "mask",
)  # fmt: skip


def fit() -> None:
    """Non-negative least squares of an image's mean mated similarity, within its person, on the qualities."""
    folder = inputs.need(inputs.DATA / "celeba")
    people = dict(line.split() for line in (folder / "identity_CelebA.txt").read_text().splitlines())
    paths = sorted((folder / "img_celeba").glob("*.jpg"))
    rows = examine(paths, "celeba", RECOGNIZERS)
    weigh(rows, [people[Path(row[0]).name] for row in rows], RECOGNIZERS)


def weigh(rows: list[tuple], subjects: list[str], recognizers: tuple[str, ...]) -> None:
    """Fit the weights and print them."""
    pairs = pairs_of(subjects, [row[1] is not None for row in rows])
    names = list(FITTED)
    features = table_of(rows, names)
    target, count = np.zeros(len(rows)), np.zeros(len(rows))
    for which in range(len(recognizers)):
        scores = similarities(rows, pairs, recognizers, which)
        scores = (scores - scores.mean()) / scores.std()
        for side in (0, 1):
            np.add.at(target, pairs[:, side], scores)
            np.add.at(count, pairs[:, side], 1)
    known = np.flatnonzero(count > 0)
    target = target[known] / count[known]
    groups = np.unique([subjects[i] for i in known], return_inverse=True)[1]
    centred = [within(column, groups) for column in (*features[known].T, target)]
    features, target = np.stack(centred[:-1], axis=1), centred[-1]
    parts = np.random.default_rng(0).permutation(groups.max() + 1)[groups] % 5
    for ridge in RIDGES:
        left = [
            target[parts == k] - features[parts == k] @ solve(features[parts != k], target[parts != k], ridge)
            for k in range(5)
        ]
        explained = 1 - np.mean(np.concatenate(left) ** 2) / target.var()
        print(f"ridge {ridge}: explained within other people {explained:.3f}")
    weights = solve(features, target, RIDGE)
    weights = np.where(weights < 0.01 * weights.sum(), 0, weights)
    weights = weights / weights.sum()
    print(f"{len(known)} photographs of {groups.max() + 1} people, ridge {RIDGE}")
    ordered_weights = sorted(zip(names, weights, strict=True), key=lambda item: -item[1])
    print({name: round(float(weight), 3) for name, weight in ordered_weights if weight})


RIDGES = (0.0, 0.003, 0.01, 0.03, 0.1)
RIDGE = 0.003
"""Share of the mean square; keeps a measure that hardly varies in CelebA from getting a large weight by chance."""


def solve(features: np.ndarray, target: np.ndarray, ridge: float) -> np.ndarray:
    """Non-negative least squares with a ridge."""
    from scipy.optimize import nnls

    count = features.shape[1]
    stiff = np.sqrt(ridge * len(target)) * np.eye(count)
    return nnls(np.vstack([features, stiff]), np.append(target, np.zeros(count)))[0]


def within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    means = np.bincount(groups, values) / np.bincount(groups)
    return values - means[groups]


def curves(*, smoke: bool) -> None:
    """The curves on LFW; a smoke run also fits weights, on the same made people."""
    recognizers = SMOKE_RECOGNIZERS if smoke else RECOGNIZERS
    with tempfile.TemporaryDirectory() as folder:
        paths = inputs.lfw(Path(folder), smoke=smoke, people=6, images=3)
        counts = Counter(path.parent.name for path in paths)
        chosen = [path for path in paths if counts[path.parent.name] > 1]
        rows = measure(chosen, recognizers, 1) if smoke else examine(chosen, "lfw", recognizers)
    subjects = [Path(row[0]).parent.name for row in rows]
    if smoke:
        weigh(rows, subjects, recognizers)
    command.finish("utility", compare(rows, subjects, recognizers, 3 if smoke else 200), smoke=smoke)


def compare(rows: list[tuple], subjects: list[str], recognizers: tuple[str, ...], draws: int) -> dict:
    """Area under the curve of every measure, of the overall quality and of the face's size alone."""
    usable = [row[1] is not None for row in rows]
    pairs = pairs_of(subjects, usable)
    names = [name for name, one in MEASURES.items() if one.quality is not None]
    names = [n for n in names if any(row[1] and row[1][n][1] is not None for row in rows)]
    features = table_of(rows, names)
    sources = {"overall": np.array([quality.overall(as_measured(row)) if row[1] else 0.0 for row in rows])}
    sources["face size alone"] = np.array([row[1]["face_side"][0] if row[1] else 0.0 for row in rows])
    sources |= {name: features[:, i] for i, name in enumerate(names)}
    sources["detector's score"] = np.array([row[3] or 0.0 for row in rows])
    found = {}
    for name, values in sources.items():
        worse = values[pairs].min(axis=1)
        found[name] = {}
        for which, recognizer in enumerate(recognizers):
            rates, area = curve(worse, similarities(rows, pairs, recognizers, which))
            found[name][recognizer] = {"area": round(area, 4), "fnmr": [round(float(r), 4) for r in rates[::5]]}
    found = dict(sorted(found.items(), key=lambda item: sum(one["area"] for one in item[1].values())))
    return {
        "photographs": len(rows),
        "pairs": len(pairs),
        "subjects": len(set(subjects)),
        "start": START,
        "area": "up to 20% discarded, relative to random discarding; below 1 is useful",
        "fnmr": "after 0, 5, 10, 15, 20% discarded",
        "interval": intervals(sources, rows, pairs, subjects, recognizers, draws),
        "sources": found,
    }


def as_measured(row: tuple) -> dict[str, Measured]:
    return {name: Measured(value, 0.0, own) for name, (value, own) in row[1].items()}


def intervals(
    sources: dict, rows: list[tuple], pairs: np.ndarray, subjects: list[str], recognizers: tuple[str, ...], draws: int
) -> dict:
    """95% intervals of the overall quality's area, and of its difference to face size, by resampling people."""
    owner = np.unique([subjects[i] for i in pairs[:, 0]], return_inverse=True)[1]
    by_owner = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner))[:-1])
    generator, found = np.random.default_rng(0), {}
    for which, recognizer in enumerate(recognizers):
        scores, areas = similarities(rows, pairs, recognizers, which), []
        for _ in range(draws):
            chosen = np.concatenate([by_owner[i] for i in generator.integers(0, len(by_owner), len(by_owner))])
            one, other = (
                curve(sources[name][pairs[chosen]].min(axis=1), scores[chosen])[1]
                for name in ("overall", "face size alone")
            )
            areas.append((one, one - other))
        low, high = np.percentile(areas, [2.5, 97.5], axis=0)
        found[recognizer] = {
            "overall": [round(float(low[0]), 4), round(float(high[0]), 4)],
            "overall less face size": [round(float(low[1]), 4), round(float(high[1]), 4)],
        }
    return found


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("action", nargs="?", choices=("fit",), help="fit the weights of the overall quality")
    given = parser.parse_args()
    if not given.smoke:
        inputs.add_model("mobilefacenet")
    if given.action == "fit":
        fit()
    else:
        curves(smoke=given.smoke)


if __name__ == "__main__":
    main()
