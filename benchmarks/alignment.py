"""Alignment by the points of a face mesh against MTCNN's landmarks: FNMR of recognizers on LFW and on CelebA.

Every face has three sets of five landmarks: MTCNN's, those of the mesh, and those of the mesh put where MTCNN has
them on average (mien.portrait.measures.mesh.FIVE_SHIFT, from other people of CelebA). Crops, embeddings and
thresholds are made for each; a threshold is the set's own. The difference of two FNMR has an interval by leaving out
one subject at a time, since all are of the same images. Pairs are those of at most 20 images per person. The mesh is
the model `face-mesh` of the store.

    python benchmarks/alignment.py [--people N]    # of each set; all by default
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import command
import inputs
import recognizers
from mien.image import read_image
from mien.models import store
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import operating_point
from mien.portrait.measures import mesh
from mien.portrait.measures.face_chip import PortraitImage, make_face_chip
from mien.portrait.measures.portrait_models import open_portrait_models, run_portrait_models
from mien.rates import Z
from mien.recognize.recognizer import Recognizer
from mien.types import floats
from recognizers import Found

RATES = (1e-2, 1e-3)
MESH = "face-mesh"
WAYS = ("MTCNN", "mesh", "mesh, shifted")


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--people", type=int, help="people of each set")
    given = parser.parse_args()
    rates = (0.2,) if given.smoke else RATES
    with tempfile.TemporaryDirectory() as scratch:
        name = inputs.made_mesh(Path(scratch)) if given.smoke else need_mesh()
        faces = sets(Path(scratch), given.people, smoke=given.smoke)
        aligned = {key: align(found, name) for key, found in faces.items()}
        names = ["dlib-resnet"] if given.smoke else ["dlib-resnet", "mien-r29", inputs.add_model("face-reid-0095")]
        result = {name: {key: measure(name, ways, rates) for key, ways in aligned.items()} for name in names}
    found = {"sets": {key: recognizers.describe(ways["MTCNN"]) for key, ways in aligned.items()}, "FNMR %": result}
    command.finish("alignment", found, smoke=given.smoke)


def need_mesh() -> str:
    if not store.is_stored(MESH):
        sys.exit(f"{MESH} is not in the store: `mien models pull recommended`")
    return MESH


def sets(scratch: Path, people: int | None, *, smoke: bool) -> dict[str, list[Found]]:
    files = some(inputs.lfw(scratch, smoke=smoke, people=recognizers.MADE, images=2), people)
    found = {"LFW": recognizers.find_faces(files, lambda path: path.parent.name)}
    if not smoke:
        paths, subject_of = recognizers.celeba_held(scratch)
        found["CelebA, people nothing was trained on"] = recognizers.find_faces(paths, subject_of)
    return found


def some(paths: Sequence[Path], people: int | None) -> list[Path]:
    """The images of people with several images, drawn at random; all where no number is given."""
    if people is None:
        return list(paths)
    counts: dict[str, int] = {}
    for path in paths:
        counts[path.parent.name] = counts.get(path.parent.name, 0) + 1
    several = sorted(name for name, count in counts.items() if count > 1)
    chosen = set(np.random.default_rng(0).permutation(several)[:people].tolist())
    return [path for path in paths if path.parent.name in chosen]


def align(faces: list[Found], name: str) -> dict[str, list[Found]]:
    """The same faces with three sets of landmarks."""
    models = open_portrait_models([name])
    ways: dict[str, list[Found]] = {way: [] for way in WAYS}
    for one in faces:
        image = read_image(one.path)
        height, width = image.shape[:2]
        chip = make_face_chip(PortraitImage(image=image, width=width, height=height, faces=(one.face,), chosen=0))
        points = run_portrait_models(chip, models).extra["mesh"]
        plain, shifted = mesh.five_points(points, shifted=False), mesh.five_points(points)
        for way, landmarks in zip(WAYS, (one.face.landmarks, plain, shifted), strict=True):
            ways[way].append(replace(one, face=replace(one.face, landmarks=floats(landmarks))))
    return ways


def measure(name: str, ways: dict[str, list[Found]], rates: Sequence[float]) -> dict:
    network = Recognizer(store.load(name))
    embedded = {way: recognizers.embed(network, faces) for way, faces in ways.items()}
    pairs = {way: recognizers.compare_capped(embedded[way], faces, network) for way, faces in ways.items()}
    rows = {way: recognizers.points(one, rates) for way, one in pairs.items()}
    differences = {
        f"{way} less MTCNN": {f"FMR {rate:g}": difference(pairs[way], pairs["MTCNN"], rate) for rate in rates}
        for way in WAYS[1:]
    }
    return rows | differences


def difference(one: PairStatistics, other: PairStatistics, rate: float) -> dict | str:
    """FNMR of one less that of the other, each at its own threshold, with the jackknife's interval by subject."""
    try:
        errors = [misses_by_subject(pairs, rate) for pairs in (one, other)]
    except ValueError:
        return "too few comparisons"
    trials = np.bincount(one.subjects[one.mated_samples[:, 0]], minlength=int(one.subjects.max()) + 1).astype(float)
    kept = trials > 0
    wrong, trials = (errors[0] - errors[1])[kept], trials[kept]
    value = wrong.sum() / trials.sum()
    without = (wrong.sum() - wrong) / (trials.sum() - trials)
    half = Z * np.sqrt((len(trials) - 1) / len(trials) * ((without - without.mean()) ** 2).sum())
    return {"difference %": round(100 * value, 2), "interval": [round(100 * (value + s * half), 2) for s in (-1, 1)]}


def misses_by_subject(pairs: PairStatistics, rate: float) -> np.ndarray:
    threshold = pairs.similarity(operating_point(pairs, rate).threshold)
    missed = pairs.mated < threshold
    owners = pairs.subjects[pairs.mated_samples[:, 0]]
    return np.bincount(owners, weights=missed, minlength=int(pairs.subjects.max()) + 1)


if __name__ == "__main__":
    main()
