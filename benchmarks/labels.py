"""Wrong labels planted in LFW: how many does the audit's rule find, against the plain centroid rule?

Uses people with at least 5 photographs. 1, 5 and 20% of the labels are given to other people at random (swapped), or
folders are joined until the smaller halves contain that share of the photographs (merged). The centroid rule flags
images far from the mean of their folder. It gets the threshold at which it does best on these very labels, which
nobody would know in practice. LFW has wrong labels of its own: those in WRONG were inspected, show other people and
are left out; any others count as false for both rules.

    python benchmarks/labels.py
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import command
import inputs
from mien.data.manifest_io import read_manifest
from mien.detect.families import open_detector
from mien.evaluate.embedding import FaceFinder, embed_manifest
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.portrait.dataset.labels import labels_of
from mien.recognize.recognizer import Recognizer
from mien.scores import normalize, score_all
from mien.types import Floats, floats
from mien.units import Metric

MIN_PHOTOGRAPHS = 5
SEEDS = (0, 1, 2)
WRONG = ("Michael_Schumacher_0008", "Recep_Tayyip_Erdogan_0004", "Mahmoud_Abbas_0012")


def centroid_rule(embeddings: Floats, folders: Sequence[int], metric: Metric) -> Floats:
    """(N,) how unlike each image is to the mean of its folder, the plain rule that benchmarks compare with."""
    vectors, numbers = normalize(embeddings) if metric == "cosine" else embeddings, np.asarray(folders)
    unlike = np.zeros(len(vectors), np.float32)
    for folder in np.unique(numbers):
        rows = np.flatnonzero(numbers == folder)
        centre = vectors[rows].mean(axis=0, keepdims=True)
        scores = score_all(vectors[rows], floats(centre), metric)[:, 0]
        unlike[rows] = -scores if metric == "cosine" else scores
    return unlike


def swapped(folders: np.ndarray, share: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    count, changed = int(folders.max()) + 1, folders.copy()
    rows = draw.choice(len(folders), round(share * len(folders)), replace=False)
    changed[rows] = (folders[rows] + draw.integers(1, count, len(rows))) % count
    return changed, np.isin(np.arange(len(folders)), rows)


def merged(folders: np.ndarray, share: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    changed, wrong = folders.copy(), np.zeros(len(folders), bool)
    order = draw.permutation(int(folders.max()) + 1)
    for one, other in zip(order[::2], order[1::2], strict=False):
        if wrong.sum() >= share * len(folders):
            break
        parts = sorted((np.flatnonzero(folders == number) for number in (one, other)), key=len)
        if len(parts[0]) < len(parts[1]):
            changed[parts[0]] = folders[parts[1][0]]
            wrong[parts[0]] = True
    return changed, wrong


def rates(flagged: np.ndarray, wrong: np.ndarray) -> dict:
    right = int((flagged & wrong).sum())
    return {
        "precision": round(right / max(1, int(flagged.sum())), 4),
        "recall": round(right / max(1, int(wrong.sum())), 4),
    }


def best(unlike: np.ndarray, wrong: np.ndarray) -> dict:
    """The threshold with the largest F1 on the true labels."""
    order = np.argsort(-unlike)
    right, count = np.cumsum(wrong[order]), np.arange(1, len(order) + 1)
    place = int(np.argmax(2 * right / (count + wrong.sum())))
    return {
        "precision": round(float(right[place] / count[place]), 4),
        "recall": round(float(right[place] / wrong.sum()), 4),
    }


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        inputs.lfw(folder, smoke=given.smoke, people=6, images=5)
        manifest = read_manifest(folder / "images_deepfunneled")
        names, counts = np.unique(manifest.subjects, return_counts=True)
        kept = set(names[counts >= MIN_PHOTOGRAPHS].tolist())
        stems = [Path(path).stem for path in manifest.table.column("path").to_pylist()]
        both = zip(manifest.subjects, stems, strict=True)
        manifest = manifest.take([i for i, (name, stem) in enumerate(both) if name in kept and stem not in WRONG])
        options = EngineOptions(streams=usable_cores())
        finder = FaceFinder("mtcnn", open_detector("mtcnn", options))
        embedded = embed_manifest(
            manifest, folder / "e.parquet", finder, Recognizer(store.load("dlib-resnet"), options)
        )
    folders = np.unique(embedded.subjects, return_inverse=True)[1]
    found = []
    for kind, change in (("swapped", swapped), ("merged", merged)):
        for share in (0.2,) if given.smoke else (0.01, 0.05, 0.2):
            for seed in SEEDS[:1] if given.smoke else SEEDS:
                changed, wrong = change(folders, share, np.random.default_rng(seed))
                changed = np.unique(changed, return_inverse=True)[1]
                labels = labels_of(embedded.embeddings, changed, "l2")
                flagged = np.zeros(len(folders), bool)
                flagged[[one.row for one in labels.suspects()]] = True
                for split in labels.splits():
                    flagged[list(split.second)] = True
                plain = centroid_rule(embedded.embeddings, changed, "l2")
                found.append(
                    {
                        "kind": kind,
                        "share": share,
                        "seed": seed,
                        "wrong": int(wrong.sum()),
                        "mien audit": rates(flagged, wrong),
                        "centroid rule, best threshold": best(plain, wrong),
                    }
                )
    clean = labels_of(embedded.embeddings, folders, "l2")
    result = {
        "photographs": len(folders),
        "people": int(folders.max()) + 1,
        "left out": WRONG,
        "flagged with LFW's own labels": len(clean.suspects()),
        "runs": found,
    }
    command.finish("labels", result, smoke=given.smoke)


if __name__ == "__main__":
    main()
