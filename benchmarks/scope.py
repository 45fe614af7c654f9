"""The scope of faces: how often ordinary and changed photographs are outside, the error rates there, and the time.

Photographs of CelebA, from which the limits were taken, and of LFW, on which they are checked: two images each of 800
people. Changes are those of benchmarks/recognizers.py and a blur: masks drawn over mouth and chin, small faces, grey
copies. Error rates of an image are those of all its comparisons, at the threshold for an FMR of 1e-3 on the set.

    python benchmarks/scope.py
"""

import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import command
import inputs
import recognizers
from mien.align import cut_out
from mien.data.importing import import_set
from mien.data.manifest_io import read_manifest
from mien.image import read_image
from mien.models import store
from mien.recognize.recognizer import Recognizer
from mien.scope import Scope, find_scope
from mien.scope.aspects import ASPECTS
from recognizers import Change, Found

FMR = 1e-3
PEOPLE = 800
BINS = {
    "pose": (0, 10, 20, 30, 40, 45, 50, 90),
    "sharpness": (-30, -10, -9, -8, -7, -6, -5, 10),
    "size": (0, 48, 64, 80, 100, 130, 1000),
    "mask": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.01),
}
MADE = 6
"""Made people of a smoke run."""


CHANGES: dict[str, Change | None] = {
    "as they are": None,
    "mask drawn": recognizers.masked,
    "blur of 7% of the IED": recognizers.blurred,
    "32 pixels": recognizers.shrink_to(32),
    "22 pixels": recognizers.shrink_to(22),
    "grey": recognizers.to_grey,
}


def main() -> None:
    given = command.parser(__doc__).parse_args()
    names = ["dlib-resnet"] if given.smoke else ["dlib-resnet", "mien-r29", inputs.add_model("face-reid-0095")]
    with tempfile.TemporaryDirectory() as scratch:
        sets = find_sets(Path(scratch), smoke=given.smoke)
        result = {name: measure(faces, names) for name, faces in sets.items()}
        spent = milliseconds(next(iter(sets.values())))
    limits = {code: one.limit for code, one in ASPECTS.items()}
    found = {"limits": limits, "sets": result, "milliseconds of processor time per face": spent}
    command.finish("scope", found, smoke=given.smoke)


def find_sets(scratch: Path, *, smoke: bool) -> dict[str, list[Found]]:
    lfw = inputs.lfw(scratch, smoke=smoke, people=MADE, images=2)
    if smoke:
        return {"made": recognizers.find_faces(lfw, lambda path: path.parent.name)}
    import_set(inputs.need(inputs.DATA / "celeba"), scratch / "celeba.parquet", source="celeba")
    samples = read_manifest(scratch / "celeba.parquet").samples()
    subjects = {sample.path: sample.subject for sample in samples if sample.path is not None}
    second = inputs.some([path for path in lfw if path.stem.endswith("_0002")], PEOPLE)
    pairs = sorted([*second, *(path.with_name(path.name.replace("_0002", "_0001")) for path in second)])
    return {
        "CelebA": recognizers.find_faces(sorted(subjects), lambda path: subjects[path]),
        "LFW, two images each of 800 people": recognizers.find_faces(pairs, lambda path: path.parent.name),
    }


def measure(faces: Sequence[Found], names: Sequence[str]) -> dict:
    scopes = {change: [scope_of(one, how, n) for n, one in enumerate(faces)] for change, how in CHANGES.items()}
    plain = scopes["as they are"]
    return {
        **recognizers.describe(faces),
        "% outside": {change: shares(found) for change, found in scopes.items()},
        "rates by value": {name: rates(faces, plain, Recognizer(store.load(name))) for name in names},
    }


def scope_of(found: Found, change: Change | None, number: int) -> Scope:
    image, face = read_image(found.path), found.face
    if change is not None:
        image, face = change(image, face, number)
    return find_scope(cut_out(image, face), face)


def shares(scopes: Sequence[Scope]) -> dict[str, float]:
    counts = {code: sum(code in one.outside for one in scopes) for code in ASPECTS}
    counts["any"] = sum(bool(one.outside) for one in scopes)
    return {code: round(100 * count / len(scopes), 2) for code, count in counts.items()}


def rates(faces: Sequence[Found], scopes: Sequence[Scope], network: Recognizer) -> dict:
    """FMR and FNMR of the images in each bin of an aspect's values."""
    alike = similarities(recognizers.embed(network, faces), network.spec.metric)
    _, numbers = np.unique([one.subject for one in faces], return_inverse=True)
    same = numbers[:, None] == numbers[None]
    different = ~same
    np.fill_diagonal(same, False)
    accepted = alike >= np.quantile(alike[different], 1 - FMR)
    table = {}
    for code, edges in BINS.items():
        values = np.array([one.values.get(code, np.nan) for one in scopes])
        rows = {}
        for low, high in pairwise(edges):
            inside = (values >= low) & (values < high)
            if inside.sum() >= 5:
                fmr = (accepted & different)[inside].sum() / different[inside].sum()
                fnmr = (~accepted & same)[inside].sum() / max(1, same[inside].sum())
                row = {"images": int(inside.sum()), "FMR %": round(100 * fmr, 3), "FNMR %": round(100 * fnmr, 1)}
                rows[f"{low:g} to {high:g}"] = row
        table[code] = rows
    return table


def similarities(embeddings: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
        return unit @ unit.T
    squares = (embeddings**2).sum(axis=1)
    return -(squares[:, None] + squares[None] - 2 * embeddings @ embeddings.T)


def milliseconds(faces: Sequence[Found]) -> float:
    """The median over 300 faces."""
    spent = []
    for one in faces[:300]:
        cutout = cut_out(read_image(one.path), one.face)
        started = time.process_time()
        find_scope(cutout, one.face)
        spent.append(time.process_time() - started)
    return round(1000 * float(np.median(spent)), 2)


if __name__ == "__main__":
    main()
