"""Faults of structure, copies and labels, planted in a data set made of LFW: which of them does the audit find?

Every fault is noted as it is planted: its kind, and the folders or files it concerns. The audit should find these and
nothing else. LFW has faults of its own: people in whose folders some are known (KNOWN) are left out, and anything
else that is found counts as false.

    python benchmarks/structure.py [SEED ...]
"""

import json
import shutil
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import simplejpeg

import command
import inputs
from mien.image import read_image

ENOUGH = 12
"""Photographs that a person of LFW must have to take part."""
KNOWN = {
    "Ari_Fleischer", "Julie_Gerberding", "Renee_Zellweger", "Serena_Williams", "Guillermo_Coria",
    "Michael_Schumacher", "Recep_Tayyip_Erdogan", "Mahmoud_Abbas",
}  # fmt: skip
"""People whose LFW folders already contain copies or other people; inspected by eye."""

NAMES = ("Nguyễn Thị Hằng", "Trần Đức Ân", "Lê Văn Tuyền", "Phạm Thuỳ Dương")


class Tree:
    """A data set under construction, with the faults planted in it."""

    def __init__(self, root: Path, people: list[list[Path]], seed: int, max_images: int) -> None:
        self.root, self.people, self.generator = root, people, np.random.default_rng(seed)
        self.faults: list[tuple[str, frozenset[str]]] = []
        self.rows: list[str] = ["path,subject,sex,birth_date,capture_date"]
        self.count, self.max_images = 0, max_images

    def next(self) -> list[Path]:
        return self.people.pop()

    def put(self, source: Path, place: str) -> str:
        target = self.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return place

    def fill(self, folder: str, sources: list[Path], first: int = 1) -> list[str]:
        return [
            self.put(source, f"{folder}/{number:02d}.jpg")
            for number, source in enumerate(sources[: self.max_images], first)
        ]

    def person(self, group: str = "adults", images: int = 6, name: str = "") -> tuple[str, list[str], list[Path]]:
        """A new person: folder, files, and the photographs left over."""
        self.count += 1
        folder, sources = f"{group}/{name or f'p{self.count:03d}'}", self.next()
        return folder, self.fill(folder, sources[:images]), sources[images:]

    def fault(self, kind: str, *places: str) -> None:
        self.faults.append((kind, frozenset(places)))

    def again(self, source: str, target: str, how: str) -> str:
        """A copy of an image: saved again, resized or cropped."""
        image = read_image(self.root / source)
        height, width = image.shape[:2]
        if how == "sized":
            import cv2

            image = cv2.resize(image, (width * 3 // 4, height * 3 // 4), interpolation=cv2.INTER_AREA)
        if how == "cut":
            left, top = (int(v) for v in self.generator.integers(8, 40, 2))
            image = image[top : height - int(self.generator.integers(8, 40)), left : width - 20]
        quality = {"saved": 55, "sized": 85, "cut": 75}[how]
        (self.root / target).write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB"))
        return target


CHILDREN = unicodedata.normalize("NFD", "Trẻ Con")
"""The children's folder, in decomposed Unicode, as some systems store names."""


def plant_folders(tree: Tree) -> None:
    """People without a fault, and faults of folders."""
    for _ in range(6):
        tree.person()
    for _ in range(4):
        tree.person(CHILDREN)
    tree.person("NGUOI_LON")
    tree.fault("double-group", "adults", "NGUOI_LON")
    tree.put(tree.next()[0], "others/x/01.jpg")
    tree.fault("unknown-folder", "others")
    for group, composed, first in (
        ("adults", NAMES[0], "NFC"),
        (CHILDREN, NAMES[1], "NFD"),
        ("adults", NAMES[2], "NFC"),
    ):
        other = "NFD" if first == "NFC" else "NFC"
        one, sources = unicodedata.normalize(first, composed), tree.next()
        two = unicodedata.normalize(other, composed)
        tree.fill(f"{group}/{one}", sources[:4])
        tree.fill(f"{group}/{two}", sources[4:8])
        tree.fault("twin-folder", f"{group}/{one}", f"{group}/{two}")
    for one, two in (("anna", "Anna"), ("Minh Ha", "Minh Ha "), ("Lý", unicodedata.normalize("NFD", "lý"))):
        sources = tree.next()
        tree.fill(f"adults/{one}", sources[:3])
        tree.fill(f"adults/{two}", sources[3:6])
        tree.fault("twin-folder", f"adults/{one}", f"adults/{two}")
    for name in ("both1", "both2"):
        tree.fill(f"adults/{name}", tree.next()[:6])
        tree.fill(f"{CHILDREN}/{name}", tree.next()[:6])
        tree.fault("both-groups", f"adults/{name}", f"{CHILDREN}/{name}")
    for place in ("loose.jpg", "adults/loose.jpg", f"{CHILDREN}/loose.png"):
        tree.fault("loose-image", tree.put(tree.next()[0], place))
    folder, *_ = tree.person()
    for place in ("notes.txt", "adults/list.xlsx", f"{folder}/clip.mp4", f"{folder}/card.pdf"):
        (tree.root / place).write_text("x")
        tree.fault("stray-file", place)
    for place in ("Thumbs.db", ".DS_Store", f"{folder}/desktop.ini", f"{folder}/.hidden.jpg"):
        (tree.root / place).write_text("x")
    for place in ("adults/nobody", f"{CHILDREN}/nobody-either"):
        (tree.root / place).mkdir()
        tree.fault("empty-folder", place)

    for nested in ("old", "scans/2019"):
        folder, _, left = tree.person(images=5)
        tree.fill(f"{folder}/{nested}", left[:1])
        parts = nested.split("/")
        for depth in range(len(parts)):
            tree.fault("nested-folder", f"{folder}/{'/'.join(parts[: depth + 1])}")


def plant_files(tree: Tree) -> None:
    """Unreadable files, and folders with few images."""
    for data in (b"", b"<html>not found</html>", None):
        folder, files, left = tree.person(images=6)
        bad = f"{folder}/bad.jpg"
        (tree.root / bad).write_bytes(left[0].read_bytes()[:3000] if data is None else data)
        tree.fault("unreadable-image", bad)
    for images in (4, 4, 1):
        folder, *_ = tree.person(images=images)
        tree.fault("few-images", folder)
    folder, files, _ = tree.person(images=4)
    tree.fault("same-file", files[1], tree.put(tree.root / files[1], f"{folder}/05.jpg"))
    tree.fault("few-images", folder)
    folder, files, left = tree.person(images=4)
    tree.fault("near-duplicate", files[2], tree.again(files[2], f"{folder}/05.jpg", "saved"))
    (tree.root / folder / "06.jpg").write_bytes(left[0].read_bytes()[:2500])
    tree.fault("unreadable-image", f"{folder}/06.jpg")
    tree.fault("few-images", folder)


def plant_copies(tree: Tree) -> None:
    """Copies of files and photographs, within a person and across people."""
    for number in range(2):
        folder, files, _ = tree.person()
        tree.fault("same-file", files[number], tree.put(tree.root / files[number], f"{folder}/copy.jpg"))
    for how in ("saved", "saved", "sized", "sized", "cut", "cut", "cut"):
        folder, files, _ = tree.person()
        tree.fault("near-duplicate", files[3], tree.again(files[3], f"{folder}/again.jpg", how))
    for how in ("same", "saved", "cut"):
        _, files, _ = tree.person(images=7)
        folder, *_ = tree.person(images=7)
        target = f"{folder}/theirs.jpg"
        tree.put(tree.root / files[2], target) if how == "same" else tree.again(files[2], target, how)
        tree.fault("same-photo-two-people", files[2], target)


def plant_labels(tree: Tree) -> None:
    """Swapped photographs, two people in one folder, one person in two folders."""
    for _ in range(3):
        one, two = tree.person(images=7)[1], tree.person(images=7)[1]
        a, b = (tree.root / files[3] for files in (one, two))
        first, second = a.read_bytes(), b.read_bytes()
        a.write_bytes(second)
        b.write_bytes(first)
        tree.fault("unlike-others", one[3])
        tree.fault("unlike-others", two[3])
    for _ in range(2):
        folder, *_ = tree.person(images=7)
        tree.fill(folder, tree.next()[:4], 20)
        tree.fault("two-people", folder)
    for _ in range(2):
        folder, _, left = tree.person(images=6)
        tree.fill(f"{folder}-again", left[:6])
        tree.fault("one-person-twice", folder, f"{folder}-again")


def plant_manifest(tree: Tree) -> None:
    """Contradictions between the manifest and the folder."""
    _, files, _ = tree.person()
    tree.rows += [f"{file},,female,2015-03-01,2019-05-31" for file in files[:2]]
    for file in files[:2]:
        tree.fault("age-contradiction", file)
    tree.rows.append("adults/gone/01.jpg,,male,,")
    tree.fault("not-in-folder", "adults/gone/01.jpg")


PARTS = (plant_folders, plant_files, plant_copies, plant_labels, plant_manifest)
SMOKE_PARTS = (plant_folders, plant_manifest)


def places(finding: dict) -> frozenset[str]:
    """The places a finding concerns, in the form noted for faults."""
    kind = finding["kind"]
    if kind in (
        "double-group",
        "twin-folder",
        "same-file",
        "near-duplicate",
        "same-photo-two-people",
        "one-person-twice",
    ):
        return frozenset((finding["place"], *finding["others"]))
    return frozenset(finding["others"]) if kind == "both-groups" else frozenset((finding["place"],))


def run(folder: Path, people: list[list[Path]], seed: int, *, smoke: bool) -> dict:
    """Plant faults, run `mien audit`, and compare."""
    root = folder / f"set-{seed}"
    parts, max_images = (SMOKE_PARTS, 1) if smoke else (PARTS, ENOUGH)
    tree = Tree(root, people, seed, max_images)
    for plant in parts:
        plant(tree)
    manifest, out = folder / f"people-{seed}.csv", folder / f"out-{seed}"
    manifest.write_text("\n".join(tree.rows) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    done = command.mien("audit", root, "--manifest", manifest, "--out", out)
    assert done.returncode in (1, 4) and (out / "report.json").exists(), done.stderr
    found = [(f["kind"], places(f)) for f in json.loads((out / "report.json").read_text())["findings"]]
    planted, shown = Counter(tree.faults), Counter(found)
    right = sum((planted & shown).values())
    return {
        "seed": seed,
        "planted": len(tree.faults),
        "kinds": dict(Counter(kind for kind, _ in tree.faults)),
        "found": len(found),
        "precision": round(right / max(1, len(found)), 4),
        "recall": round(right / len(tree.faults), 4),
        "missed": [[kind, sorted(about)] for kind, about in (planted - shown).elements()],
        "false": [[kind, sorted(about)] for kind, about in (shown - planted).elements()],
    }


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("seeds", type=int, nargs="*", default=[0, 1, 2])
    given = parser.parse_args()
    # A smoke run puts one photograph where others put many, of the first 7 of a person.
    enough = 7 if given.smoke else ENOUGH
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        everybody: dict[str, list[Path]] = {}
        for path in inputs.lfw(folder, smoke=given.smoke, people=32, images=enough):
            everybody.setdefault(path.parent.name, []).append(path)
        names = [name for name, files in everybody.items() if len(files) >= enough and name not in KNOWN]
        runs = []
        for seed in given.seeds[:1] if given.smoke else given.seeds:
            generator = np.random.default_rng(seed)
            chosen = [everybody[name] for name in generator.permutation(names)]
            people = [[files[i] for i in generator.permutation(len(files))] for files in chosen]
            runs.append(run(folder, people, seed, smoke=given.smoke))
            print(json.dumps(runs[-1], ensure_ascii=False, indent=1), file=sys.stderr)
    result = {"people with at least": ENOUGH, "left out": sorted(KNOWN), "runs": runs}
    command.finish("structure", result, smoke=given.smoke)


if __name__ == "__main__":
    main()
