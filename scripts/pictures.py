"""Draws the pictures of docs/pictures that show what mien prints, draws or serves, and notes what each of them shows.

    python scripts/pictures.py            # those that are older than what they show
    python scripts/pictures.py NAME ...   # these; `all` draws all of them
    python scripts/pictures.py --check    # exit code 1 where one is older than what it shows

`docs/pictures/shown.json` holds a checksum of the files whose content each picture shows, as they were when it was
drawn. That says more than dates and commits: a picture that is drawn again and looks the same is not old, and a
merge makes none old. Pictures of pages need a browser (page_pictures.py). ELSEWHERE names the pictures that are not
drawn here.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import mien
from mien.cli import run
from mien.data.sample_people import PORTRAITS
from mien.evaluate.charts import draw
from mien.evaluate.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.evaluate.report import read_report
from mien.models.defaults import package_file

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
NOTED = FOLDER / "shown.json"
SYSTEMS = ("default-mated", "face-reid-0095-mated", "mien-r29-mated", "mobilefacenet-mated")
CELL, LABEL = 96, 120
"""Sides of a corrupted image and of its name, in pixels."""

CURVES = "benchmarks/pictures.py"
PAGES = "src/mien/service/pages"
LOOK = ("src/mien/html/look.css", f"{PAGES}/static/app.css")
SHOWN: dict[str, tuple[str, ...]] = {
    "det-lfw.png": tuple(f"docs/reports/{name}/report.json" for name in SYSTEMS),
    "transforms.jpg": ("src/mien/evaluate/corruptions.py",),
    **{
        f"heads-{name}.png": ("src/mien/train/recognizers/heads.py", CURVES)
        for name in ("target", "curricular", "gradient")
    },
    "augmentation.jpg": ("src/mien/train/recognizers/augment.py", CURVES),
    "group.jpg": ("src/mien/cli/drawing.py", "src/mien/cli/lettering.py"),
    "audit.jpg": ("src/mien/html/look.css", "src/mien/html/style.css", "src/mien/portrait/report/page.html"),
    "service.jpg": (*LOOK, f"{PAGES}/shell.html", f"{PAGES}/identify.html"),
    **{
        f"page-{name}.png": (*LOOK, f"{PAGES}/{name}.html")
        for name in ("identify", "compare", "pairs", "people", "check", "health", "audit")
    },
}
"""Each picture, and the files whose content it shows."""


ELSEWHERE = {
    "recognizers.png": "benchmarks/results/recognizers.json",
    "one-person-twice.png": "benchmarks/results/twice.json",
}
"""Charts that a benchmark draws in the same run as its result."""


def checksum(name: str) -> str:
    """Of all that a picture shows."""
    data = b"".join((ROOT / path).read_bytes() for path in SHOWN[name])
    return hashlib.sha256(data).hexdigest()[:16]


def old_pictures() -> list[str]:
    """The pictures that are older than what they show, or missing."""
    noted = json.loads(NOTED.read_text(encoding="utf-8")) if NOTED.is_file() else {}
    return [name for name in SHOWN if noted.get(name) != checksum(name) or not (FOLDER / name).is_file()]


def systems(path: Path) -> None:
    """The DET of each system on all pairs of LFW, from the published reports."""
    reports = [read_report(ROOT / one).in_language("en") for one in SHOWN["det-lfw.png"]]
    charts = [next(chart for chart in report.charts if chart.kind == "det") for report in reports]
    series = tuple(one for chart in charts for one in chart.series)
    path.write_bytes(draw(charts[0].model_copy(update={"series": series}), "en").png)


def corruptions(path: Path) -> None:
    """Every corruption in all severities, two columns of rows."""
    image = mien.read_image(package_file(*PORTRAITS["Eileen Collins"]))
    face = mien.detect_faces(image)[0]
    left, top = int(face.box.x1 - 0.8 * face.box.width), int(max(0, face.box.y1 - 0.4 * face.box.height))
    side = int(2.6 * face.box.width)
    rows = []
    for name in CORRUPTIONS:
        row = np.full((CELL, LABEL + CELL * len(SEVERITIES), 3), 255, np.uint8)
        cv2.putText(row, name, (4, CELL // 2 + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1, cv2.LINE_AA)
        for severity in SEVERITIES:
            changed = corrupt(image, face.landmarks, name, severity, 0)[top : top + side, left : left + side]
            cell = cv2.resize(changed, (CELL, CELL), interpolation=cv2.INTER_AREA)
            row[:, LABEL + CELL * (severity - 1) :][:, :CELL] = cell
        rows.append(row)
    half = -(-len(rows) // 2)
    blank = [np.full_like(rows[0], 255)] * (2 * half - len(rows))
    picture = np.hstack([np.vstack(rows[:half]), np.vstack([*rows[half:], *blank])])
    Image.fromarray(picture).save(path, quality=88)


def group(path: Path) -> None:
    """What `mien tour` draws of its photograph of two people."""
    with tempfile.TemporaryDirectory() as scratch:
        _run("tour", "--out", scratch)
        with Image.open(Path(scratch) / "annotated-2" / "group.jpg") as picture:
            picture.resize((960, 540), Image.Resampling.LANCZOS).save(path, quality=88)


def audit(path: Path) -> None:
    """The page of an audit of the tour's images of two people."""
    from page_pictures import take_audit

    with tempfile.TemporaryDirectory() as scratch:
        _run("tour", "--out", f"{scratch}/tour")
        for name in PORTRAITS:
            own = Path(scratch) / "portraits" / "adults" / name
            own.mkdir(parents=True)
            for image in Path(scratch, "tour", "images").glob(f"{name.lower().replace(' ', '-')}-*"):
                image.rename(own / image.name)
        _run("audit", f"{scratch}/portraits", "--out", f"{scratch}/report", "--language", "en", codes=(0, 1))
        take_audit(Path(scratch) / "report" / "report.html", path)


def curves(path: Path) -> None:
    """Formulas of heads, and augmentations: all of them are drawn at once."""
    subprocess.run([sys.executable, ROOT / CURVES], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _run(*words: str, codes: Sequence[int] = (0,)) -> None:
    code = run(list(words))
    if code not in codes:
        raise RuntimeError(f"mien {' '.join(words)} ended with {code}")


DRAWN: dict[str, Callable[[Path], None]] = {
    "det-lfw.png": systems,
    "transforms.jpg": corruptions,
    "group.jpg": group,
    "audit.jpg": audit,
    **{name: curves for name, shown in SHOWN.items() if CURVES in shown},
}


def main() -> int:
    """Draw, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"the pictures to draw: all, {', '.join(SHOWN)}")
    parser.add_argument("--check", action="store_true", help="compare only")
    given = parser.parse_args()
    if unknown := set(given.names) - {*SHOWN, "all"}:
        parser.error(f"no picture is called {', '.join(sorted(unknown))}")
    old = old_pictures()
    if given.check:
        for name in old:
            print(f"docs/pictures/{name} is older than what it shows: python scripts/pictures.py {name}")
        return 1 if old else 0
    names = list(SHOWN) if "all" in given.names else given.names or old
    drawn = {DRAWN[name]: name for name in names if name in DRAWN}
    for make, name in drawn.items():
        make(FOLDER / name)
    if pages := [name for name in names if name not in DRAWN]:
        from page_pictures import take_pages

        take_pages(pages, FOLDER)
    note(names)
    print(f"drawn: {', '.join(names)}" if names else "no picture is older than what it shows")
    return 0


def note(names: Sequence[str]) -> None:
    """Write down what these pictures show."""
    noted = json.loads(NOTED.read_text(encoding="utf-8")) if NOTED.is_file() else {}
    noted |= {name: checksum(name) for name in names}
    kept = {name: noted[name] for name in SHOWN if name in noted}
    NOTED.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
