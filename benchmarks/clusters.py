"""Unnamed faces in groups: how many are right, and how sure `mien cluster` says it is.

CelebA, on which limits and certainties were fitted, as it is and with four in five people reduced to one photograph;
and LFW, which showed which method it takes: the people with two or more images, and everybody. All faces of all
images are grouped; the most prominent face of each is the one that has a name. Speed and memory at 20,000 made faces.

    python benchmarks/clusters.py
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.cluster.clustering import cluster_faces
from mien.cluster.faces import AlbumFace
from mien.cluster.grouping import Grouping, group_faces
from mien.cluster.strictness import strictness
from mien.library.pull import pull
from mien.models import store
from mien.scope import Scope

SIZES = (("2", 2, 2), ("3 to 5", 3, 5), ("6 to 9", 6, 9), ("10 or more", 10, 10**9))
SAID = (0.0, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 1.01)
"""Edges of the certainties that are held against the truth."""
MADE = 20_000


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--made", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.made:
        print_made(given.made)
        return
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(Path(scratch), smoke=given.smoke)
    made = command.in_process(__file__, "--made", 300 if given.smoke else MADE)
    command.finish("clusters", {**result, "made faces": made}, smoke=given.smoke)


def measure(scratch: Path, *, smoke: bool) -> dict:
    """Every set with every recognizer."""
    recognizers = ["dlib-resnet"]
    if not smoke:
        # With its card of the catalogue, which has thresholds.
        pull("face-reid-0095", origin=inputs.need(inputs.DATA / "models"))
        recognizers.append("face-reid-0095")
    found: dict[str, dict] = {}
    for recognizer in recognizers:
        for name, (folder, names) in sets(scratch, smoke=smoke).items():
            out = scratch / f"{recognizer}-{name.replace(' ', '-')}"
            found[f"{name}, {recognizer}"] = judge(folder, names, recognizer, out)
    return found


def sets(scratch: Path, *, smoke: bool) -> dict[str, tuple[Path, dict[str, str]]]:
    """A folder of links to photographs for each set, and who is in each of them."""
    lfw = inputs.lfw(scratch / "lfw", smoke=smoke, people=6, images=4)
    people = Counter(path.parent.name for path in lfw)
    several = [path for path in lfw if people[path.parent.name] > 1]
    chosen = {"LFW, two or more images": {path: path.parent.name for path in several}}
    if not smoke:
        chosen = {**celeba(), **chosen, "LFW, everybody": {path: path.parent.name for path in lfw}}
    found = {}
    for name, photographs in chosen.items():
        folder = scratch / "sets" / name.replace(" ", "-")
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for path in photographs:
                (folder / path.name).symlink_to(path.resolve())
        found[name] = folder, {path.name: who for path, who in photographs.items()}
    return found


def celeba() -> dict[str, dict[Path, str]]:
    """CelebA's photographs, and those that are left when four in five people have a single one."""
    folder = inputs.need(inputs.DATA / "celeba")
    rows = (line.split() for line in (folder / "identity_CelebA.txt").read_text().splitlines())
    whole = {folder / "img_celeba" / file: who for file, who in rows if (folder / "img_celeba" / file).is_file()}
    generator = np.random.default_rng(0)
    everyone = np.array(sorted(set(whole.values())))
    lone = set(generator.permutation(everyone)[: int(0.8 * len(everyone))].tolist())
    paths = sorted(whole)
    seen: set[str] = set()
    kept = {}
    for place in generator.permutation(len(paths)).tolist():
        who = whole[paths[place]]
        if who not in lone or who not in seen:
            kept[paths[place]] = who
            seen.add(who)
    return {"CelebA": whole, "CelebA, four in five people once": kept}


def judge(folder: Path, names: dict[str, str], recognizer: str, out: Path) -> dict:
    """Group a folder with the command's own function, and hold the groups against the names."""
    started = time.perf_counter()
    album = cluster_faces(folder, out, recognizer=recognizer)
    seconds = time.perf_counter() - started
    labels = named_faces(album.faces, names)
    scores = against_names(album.grouping, labels)
    strict = album.grouping.strictness
    limits = {"found": [strict.found, strict.found_fmr], "join": [strict.join, strict.join_fmr]}
    return {
        **album.counts,
        "seconds": round(seconds, 1),
        "limits and rates": {name: [float(f"{value:.4g}") for value in pair] for name, pair in limits.items()},
        **scores,
        "certainty": certainty(album.grouping, labels),
    }


def named_faces(faces: tuple[AlbumFace, ...], names: dict[str, str]) -> dict[int, str]:
    """Who the largest face of each photograph is."""
    largest: dict[str, tuple[float, int]] = {}
    for place, face in enumerate(faces):
        x1, y1, x2, y2 = face.box
        largest[face.image] = max(largest.get(face.image, (0.0, -1)), ((x2 - x1) * (y2 - y1), place))
    return {place: names[Path(image).name] for image, (_, place) in largest.items() if Path(image).name in names}


def against_names(grouping: Grouping, labels: dict[int, str]) -> dict:
    """BCubed and pairwise precision and recall; a face of no group is a group of its own."""
    faces = sorted(labels)
    groups = [grouping.faces[place].group for place in faces]
    group = np.array([-1 - number if one is None else one for number, one in enumerate(groups)])
    owner = np.unique(group, return_inverse=True)[1]
    person = np.unique([labels[place] for place in faces], return_inverse=True)[1]
    counts = np.zeros((owner.max() + 1, person.max() + 1))
    np.add.at(counts, (owner, person), 1)
    in_group, of_person, total = counts.sum(1), counts.sum(0), counts.sum()
    together = (counts * (counts - 1)).sum()
    precision = float((counts**2 / in_group[:, None]).sum() / total)
    recall = float((counts**2 / of_person).sum() / total)
    return {
        "named faces": len(faces),
        "people": len(of_person),
        "BCubed precision": round(precision, 4),
        "BCubed recall": round(recall, 4),
        "BCubed F": round(2 * precision * recall / (precision + recall), 4),
        "pairwise precision": round(float(together / max(1, (in_group * (in_group - 1)).sum())), 4),
        "pairwise recall": round(float(together / max(1, (of_person * (of_person - 1)).sum())), 4),
    }


def certainty(grouping: Grouping, labels: dict[int, str]) -> dict:
    """What is said of faces, and the share that is of the person most of its group are."""
    rows = []
    for group in grouping.groups:
        known = [labels[face] for face in group.faces if face in labels]
        who, count = Counter(known).most_common(1)[0] if known else ("", 0)
        if len(known) > 1:
            sure = ((face, grouping.faces[face].certainty) for face in group.faces if face in labels)
            rows += [(len(group.faces), value, count > 1 and labels[face] == who) for face, value in sure]
    if not rows:
        return {}
    sizes, said, right = (np.array(column, float) for column in zip(*rows, strict=True))
    by_size = {name: share((sizes >= low) & (sizes <= high), said, right) for name, low, high in SIZES}
    by_said = {
        f"{low:g} to {high:g}": share((said >= low) & (said < high), said, right) for low, high in pairwise(SAID)
    }
    return {"all": share(said >= 0, said, right), "by size of the group": by_size, "by certainty": by_said}


def share(chosen: np.ndarray, said: np.ndarray, right: np.ndarray) -> dict:
    if not chosen.any():
        return {"faces": 0}
    return {
        "faces": int(chosen.sum()),
        "said": round(float(said[chosen].mean()), 4),
        "right": round(float(right[chosen].mean()), 4),
    }


def print_made(count: int) -> None:
    """Time and memory of grouping made faces, a third of them alone, in this process alone."""
    generator = np.random.default_rng(0)
    sizes = np.minimum(generator.geometric(0.25, count), 200)
    owner = np.repeat(np.arange(count), sizes)[:count]
    centres = generator.normal(size=(owner.max() + 1, 128)) / np.sqrt(128)
    vectors = (0.45 * centres[owner] + generator.normal(0, 0.02, (count, 128))).astype(np.float32)
    plain = AlbumFace(image="", place=0, box=(0, 0, 9, 9), scope=Scope({}, ()), jpeg=b"", embedding=vectors[0])
    faces = [replace(plain, image=str(number), embedding=vector) for number, vector in enumerate(vectors)]
    strict = strictness(store.load("dlib-resnet").card, count, 1e-3, "everybody")
    before, started = machine.peak_memory(), time.perf_counter()
    found = group_faces(faces, np.arange(count), "l2", strict, doubts=[()] * count)
    seconds = time.perf_counter() - started
    report = {
        "faces": count,
        "groups": len(found.groups),
        "seconds": round(seconds, 2),
        "peak memory before, MB": before,
        "peak memory, MB": machine.peak_memory(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
