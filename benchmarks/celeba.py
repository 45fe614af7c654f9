"""People of CelebA that nothing shipped was trained on, by mien's own commands: import, split, evaluate.

FNMR of each recognizer at false match rates whose thresholds the set itself gives, of all samples and of those within
the scope (mien.scope); once with CelebA's labels as they are, and once without those that are seen to be wrong
(benchmarks/errata/celeba.txt), since a wrong label counts as misses with all other photographs of its person.

Then why: whose the false matches at FMR 1e-3 are, by pairs of people; the FNMR without each of the people who have
most of them, at the threshold that the others give; and how much it varies with who is drawn: 47 and 60 people of all
169 at random, again and again. Of two people whose photographs all match, the second is left out there: they are one.

    python benchmarks/celeba.py
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.manifest_io import read_manifest, write_manifest
from mien.evaluate.scorefile import Embedded, read_embedded
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import operating_point
from mien.pairwise.rates_at import accepted

PARTS = ("--part", "train=0.75", "--part", "held=0.25", "--seed", 1)
"""The split of recipes/finetune-dlib-celeba.toml; it depends on the names alone."""

FMR = 1e-3
DRAWS = 200
LABELS = "labels as they are"


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sets = find_sets(folder, smoke=given.smoke)
        everybody = next(iter(sets.values())) if given.smoke else folder / "celeba.parquet"
        names = ["dlib-resnet"] if given.smoke else ["dlib-resnet", "mien-r29", *others()]
        rates, reasons = {}, {}
        for name in names:
            rates[name] = {
                label: misses(path, name, folder / f"{name}-{place}")
                for place, (label, path) in enumerate(sets.items())
            }
            held = read_embedded(folder / f"{name}-0" / "embeddings.parquet")
            reasons[name] = {
                **who_matches(held, rate=0.1 if given.smoke else FMR),
                **draws(embed(everybody, name, folder), (6,) if given.smoke else (47, 60), smoke=given.smoke),
            }
    command.finish("celeba", {"FNMR %": rates, "why": reasons}, smoke=given.smoke)


def others() -> list[str]:
    return [inputs.add_model(name) for name in ("face-reid-0095", "mobilefacenet")]


def find_sets(folder: Path, *, smoke: bool) -> dict[str, Path]:
    if smoke:
        inputs.made_people(folder / "people", 24, 2)
        return {"made people": folder / "people"}
    command.mien("data", "import", inputs.need(inputs.DATA / "celeba"), "--out", folder / "celeba.parquet")
    command.mien("data", "split", folder / "celeba.parquet", "--out", folder / "parts", *PARTS)
    held = folder / "parts" / "held.parquet"
    return {LABELS: held, "without labels seen to be wrong": without_errata(held, folder)}


def without_errata(held: Path, folder: Path) -> Path:
    lines = (machine.ROOT / "benchmarks" / "errata" / "celeba.txt").read_text(encoding="utf-8").splitlines()
    wrong = {line for line in lines if line and not line.startswith("#")}
    manifest = read_manifest(held)
    kept = [row for row, one in enumerate(manifest.samples()) if not {one.subject, one.path.name} & wrong]
    path = folder / "corrected.parquet"
    write_manifest(manifest.take(np.array(kept)), path)
    return path


def misses(source: Path, recognizer: str, out: Path) -> dict:
    """What `mien evaluate mated` reports, in percent."""
    command.mien("evaluate", "mated", source, "--recognizer", recognizer, "--out", out)
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))["numbers"]
    rates = {
        key: [round(100 * value[end], 2) for end in ("value", "low", "high")]
        for key, value in numbers.items()
        if key.startswith("fnmr@")
    }
    counts = {key: int(value["value"]) for key, value in numbers.items() if key.startswith("samples outside")}
    return rates | counts


def embed(source: Path, recognizer: str, folder: Path) -> Embedded:
    out = folder / f"{recognizer}-everybody.parquet"
    command.mien("embed", source, "--recognizer", recognizer, "--out", out)
    return read_embedded(out)


def compare(embedded: Embedded) -> PairStatistics:
    numbers = np.unique(embedded.subjects, return_inverse=True)[1].astype(np.int64)
    return compare_all(embedded.embeddings, numbers, embedded.origin.metric)


def who_matches(embedded: Embedded, rate: float) -> dict:
    """The false matches by pairs of people, and the FNMR without each of those who have most of them."""
    pairs = compare(embedded)
    point = operating_point(pairs, rate)
    hit = pairs.tail_samples[: accepted(pairs, pairs.similarity(point.threshold))]
    subjects = np.array(embedded.subjects)
    couples = Counter(tuple(sorted((str(subjects[a]), str(subjects[b])))) for a, b in hit)
    people = Counter(name for couple, count in couples.items() for name in couple for _ in range(count))
    worst = [name for name, _ in people.most_common(4)]
    without = {name: fnmr(embedded, subjects != name, rate) for name in worst}
    without["all of them"] = fnmr(embedded, ~np.isin(subjects, worst), rate)
    return {
        "false matches": len(hit),
        "by pairs of people": {" and ".join(couple): count for couple, count in couples.most_common(8)},
        "FNMR % without a person": without,
    }


def fnmr(embedded: Embedded, chosen: np.ndarray, rate: float) -> float:
    """In percent, at the threshold that these samples give themselves."""
    point = operating_point(compare(embedded.take(np.flatnonzero(chosen))), rate)
    assert point.fnmr is not None
    return round(100 * point.fnmr.value, 2)


def draws(embedded: Embedded, sizes: tuple[int, ...], *, smoke: bool) -> dict:
    """The FNMR at the same FMR for people drawn at random: 5%, 25%, 50%, 75% and 95% quantiles in percent."""
    subjects = np.array(embedded.subjects)
    same = [] if smoke else same_people(embedded)
    names = np.setdiff1d(np.unique(subjects), [couple[1] for couple in same])
    generator = np.random.default_rng(0)
    found = {}
    for size in sizes:
        rates = [
            fnmr(embedded, np.isin(subjects, generator.permutation(names)[:size]), 0.1 if smoke else FMR)
            for _ in range(3 if smoke else DRAWS)
        ]
        found[f"FNMR % of {size} people at random"] = (
            np.quantile(rates, (0.05, 0.25, 0.5, 0.75, 0.95)).round(1).tolist()
        )
    return {"one person under two identities": [" and ".join(couple) for couple in same], **found}


def same_people(embedded: Embedded) -> list[tuple[str, str]]:
    """Pairs of identities of which at least 95% of all comparisons match at the threshold for FMR 1e-3."""
    pairs = compare(embedded)
    hit = pairs.tail_samples[: accepted(pairs, pairs.similarity(operating_point(pairs, FMR).threshold))]
    subjects = np.array(embedded.subjects)
    count = Counter(embedded.subjects)
    couples = Counter(tuple(sorted((str(subjects[a]), str(subjects[b])))) for a, b in hit)
    return [(a, b) for (a, b), found in couples.items() if found >= 0.95 * count[a] * count[b]]


if __name__ == "__main__":
    main()
