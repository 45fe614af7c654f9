"""People of CelebA that nothing shipped was trained on, by mien's own commands: import, split, evaluate.

FNMR of each recognizer at false match rates whose thresholds the set itself gives, of all samples and of those within
the scope (mien.scope); once with CelebA's labels as they are, and once without those that are seen to be wrong
(benchmarks/errata/celeba.txt), since a wrong label counts as misses with all other photographs of its person.

Then why: whose the false matches at FMR 1e-3 are, by pairs of people; the FNMR without each of the people who have
most of them, at the threshold that the others give; and how much it varies with who is drawn: 47 and 60 people of all
169 at random, again and again. Of two people whose photographs all match, the second is left out there: they are one.

    python benchmarks/celeba.py [--embedded FOLDER]
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

import command
import inputs
import machine
from mien.data.manifest_io import read_manifest
from mien.evaluate.scorefile import Embedded, read_embedded
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import can_show, operating_point
from mien.pairwise.rates_at import accepted, place_between
from mien.scores import score_all, similarity

PARTS = ("--part", "train=0.75", "--part", "held=0.25", "--seed", 1)
"""The split of the recipe finetune-dlib-celeba; it depends on the names alone."""

FMR = 1e-3
DRAWS = 200
LABELS = "labels as they are"


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--embedded", type=Path, help="a folder for the embeddings; those that are there are reused")
    given = parser.parse_args()
    names = ["dlib-resnet"] if given.smoke else ["dlib-resnet", "mien-r29", *others()]
    rates, reasons = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        everybody, sets = find_sets(folder, smoke=given.smoke)
        for name in names:
            file = embed(everybody, name, given.embedded or folder)
            found = read_embedded(file)
            rates[name] = {label: misses(select(file, chosen), folder) for label, chosen in sets.items()}
            held = found.take(rows_of(found, next(iter(sets.values()))))
            rate, sizes = (0.1, (6,)) if given.smoke else (FMR, (47, 60))
            reasons[name] = who_matches(held, rate) | draws(found, sizes, rate)
    command.finish("celeba", {"FNMR %": rates, "why": reasons}, smoke=given.smoke)


def others() -> list[str]:
    return [inputs.add_model(name) for name in ("face-reid-0095", "mobilefacenet")]


def find_sets(folder: Path, *, smoke: bool) -> tuple[Path, dict[str, set[str]]]:
    """Everybody, and the names of the files of the held people, with all labels and without the wrong ones."""
    if smoke:
        inputs.made_people(folder / "people", 24, 2)
        return folder / "people", {"made people": {str(path) for path in (folder / "people").rglob("*.*")}}
    command.mien("data", "import", inputs.need(inputs.DATA / "celeba"), "--out", folder / "celeba.parquet")
    command.mien("data", "split", folder / "celeba.parquet", "--out", folder / "parts", *PARTS)
    lines = (machine.ROOT / "benchmarks" / "errata" / "celeba.txt").read_text(encoding="utf-8").splitlines()
    wrong = {line for line in lines if line and not line.startswith("#")}
    held = {
        str(one.path): {one.subject, one.path.name} for one in read_manifest(folder / "parts/held.parquet").samples()
    }
    right = {path for path, names in held.items() if not names & wrong}
    return folder / "celeba.parquet", {LABELS: set(held), "without labels seen to be wrong": right}


def embed(source: Path, recognizer: str, folder: Path) -> Path:
    out = folder / f"{recognizer}.parquet"
    if not out.exists():
        command.mien("embed", source, "--recognizer", recognizer, "--out", out)
    return out


def select(file: Path, chosen: set[str]) -> Path:
    """The embedding file of some of the samples."""
    table = pyarrow.parquet.read_table(file)
    out = file.with_name(f"{file.stem}-{len(chosen)}.parquet")
    pyarrow.parquet.write_table(table.filter(pc.is_in(table["path"], pa.array(sorted(chosen)))), out)
    return out


def rows_of(embedded: Embedded, chosen: set[str]) -> np.ndarray:
    return np.flatnonzero([path in chosen for path in embedded.paths])


def misses(file: Path, folder: Path) -> dict:
    """What `mien evaluate mated` reports, in percent."""
    command.mien("evaluate", "mated", file, "--out", folder / "report")
    numbers = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["numbers"]
    file.unlink()
    rates = {
        key: [None if value[end] is None else round(100 * value[end], 2) for end in ("value", "low", "high")]
        for key, value in numbers.items()
        if key.startswith("fnmr@")
    }
    counts = {key: int(value["value"]) for key, value in numbers.items() if key.startswith("samples outside")}
    return rates | counts


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


def draws(embedded: Embedded, sizes: tuple[int, ...], rate: float) -> dict:
    """The FNMR for people drawn at random: 5%, 25%, 50%, 75% and 95% quantiles in percent."""
    subjects = np.array(embedded.subjects)
    same = same_people(embedded)
    names = np.setdiff1d(np.unique(subjects), [couple[1] for couple in same])
    metric = embedded.origin.metric
    alike = similarity(score_all(embedded.embeddings, embedded.embeddings, metric), metric)
    generator = np.random.default_rng(0)
    found = {}
    for size in sizes:
        rates = []
        for _ in range(DRAWS):
            rows = np.flatnonzero(np.isin(subjects, generator.permutation(names)[:size]))
            a, b = np.triu_indices(len(rows), 1)
            scores, mated = alike[rows[a], rows[b]], subjects[rows[a]] == subjects[rows[b]]
            others = np.sort(scores[~mated])[::-1]
            rates.append(100 * float((scores[mated] < place_between(others, int(rate * len(others)))).mean()))
        found[f"FNMR % of {size} people at random"] = (
            np.quantile(rates, (0.05, 0.25, 0.5, 0.75, 0.95)).round(1).tolist()
        )
    return {"one person under two identities": [" and ".join(couple) for couple in same], **found}


def same_people(embedded: Embedded) -> list[tuple[str, str]]:
    """Pairs of identities of which at least 95% of all comparisons match at the threshold for FMR 1e-3."""
    pairs = compare(embedded)
    if not can_show(pairs, FMR):
        return []
    hit = pairs.tail_samples[: accepted(pairs, pairs.similarity(operating_point(pairs, FMR).threshold))]
    subjects = np.array(embedded.subjects)
    count = Counter(embedded.subjects)
    couples = Counter(tuple(sorted((str(subjects[a]), str(subjects[b])))) for a, b in hit)
    return [(a, b) for (a, b), found in couples.items() if found >= 0.95 * count[a] * count[b]]


if __name__ == "__main__":
    main()
