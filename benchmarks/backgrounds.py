"""The measure `surroundings` on photographs whose backgrounds were looked at, and on a ladder of patterns.

benchmarks/errata/celeba-backgrounds.csv says of photographs of CelebA whether what is around the head is plain, busy
or unclear, as seen by one person. The measure and its limit were chosen on those marked `chosen`; those marked
`reported` were labelled afterwards. Ladder: the background of the plain ones becomes tiles of a busy photograph by 0
to 100%, outside of the head, so severity is known; Spearman's correlation within a photograph. The model `face-mesh`
of the store gives the outline.

    python benchmarks/backgrounds.py
"""

import csv
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import ladders
import machine
from mien.image import read_image
from mien.models import store
from mien.models.options import EngineOptions
from mien.pipeline import array_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures import mesh
from mien.rates import wilson
from mien.types import Floats, Image

NAME, LIMIT, MESH = "surroundings", 0.25, "face-mesh"
STEPS = 5


def main() -> None:
    parser = command.parser(__doc__)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.smoke:
            name = inputs.made_mesh(Path(scratch))
            files = inputs.lfw(Path(scratch), smoke=True, people=2, images=1)
            rows = [(path, "reported", kind) for path, kind in zip(files, ("plain", "busy"), strict=False)]
        else:
            name, rows = need_mesh(), labelled()
        examiner = open_examiner("mtcnn", None, [name], options=EngineOptions(threads=1, streams=1))
        found = [(use, kind, examiner.item(array_item(path.name, read_image(path)))) for path, use, kind in rows]
        result = {use: judged([(kind, one) for of, kind, one in found if of == use]) for use in uses(rows)}
        plain, busy = ([one for _, kind, one in found if kind == wanted] for wanted in ("plain", "busy"))
        result["ladder"] = ladder(examiner, plain, [one.portrait.image for one in busy])
    command.finish("backgrounds", result, smoke=given.smoke)


def need_mesh() -> str:
    if not store.is_stored(MESH):
        sys.exit(f"{MESH} is not in the store: `mien models pull recommended`")
    return MESH


def labelled() -> list[tuple[Path, str, str]]:
    folder = inputs.need(inputs.DATA / "celeba" / "img_celeba")
    with (machine.ROOT / "benchmarks/errata/celeba-backgrounds.csv").open(encoding="utf-8") as file:
        return [(folder / row["file"], row["use"], row["background"]) for row in csv.DictReader(file)]


def uses(rows: Sequence[tuple[Path, str, str]]) -> list[str]:
    return sorted({use for _, use, _ in rows})


def judged(found: Sequence[tuple[str, Examined]]) -> dict:
    """The area under the curve of busy against plain, and what the limit says of each."""
    values = {kind: column([one for of, one in found if of == kind]) for kind in ("plain", "busy", "unclear")}
    known = {kind: column_[np.isfinite(column_)] for kind, column_ in values.items()}
    return {"area under the curve": round(ladders.auc(known["busy"], known["plain"]), 3)} | {
        kind: {
            "photographs": len(values[kind]),
            "with a value": len(one),
            f"above {LIMIT}, %": share(one > LIMIT),
            "quartiles": [round(float(v), 3) for v in np.percentile(one, (25, 50, 75))] if len(one) else [],
        }
        for kind, one in known.items()
    }


def share(flags: np.ndarray) -> list[float]:
    """The share and its interval, which takes photographs for independent."""
    if not len(flags):
        return []
    value = float(flags.mean())
    return [round(100 * one, 1) for one in (value, *wilson(value, len(flags)))]


def column(found: Sequence[Examined]) -> np.ndarray:
    values = [None if one.chip is None else one.measures[NAME].value for one in found]
    return np.array([np.nan if value is None else value for value in values])


def ladder(examiner: Examiner, plain: Sequence[Examined], busy: Sequence[Image]) -> dict:
    """Medians by severity, and the correlation within a photograph."""
    usable = [one for one in plain if one.chip is not None and one.measures[NAME].value is not None]
    table = np.full((len(usable), STEPS + 1), np.nan)
    for row, one in enumerate(usable):
        other = busy[row % len(busy)]
        points = one.chip.extra["mesh"][:, :2]
        for step in range(STEPS + 1):
            image = mixed(one.portrait.image, other, points, step / STEPS)
            table[row, step] = column([examiner.item(array_item("image", image))])[0]
    steps = np.arange(STEPS + 1)
    within = [ladders.spearman(steps, row) for row in table]
    return {
        "photographs": len(usable),
        "median by severity": [round(float(v), 3) for v in np.nanmedian(table, axis=0)] if len(usable) else [],
        "spearman within a photograph": round(float(np.mean(within)), 3) if within else None,
    }


def mixed(image: Image, other: Image, points: Floats, strength: float) -> Image:
    """All outside of a soft ellipse around the head moves to tiles of another photograph, a head's length each."""
    height, width = image.shape[:2]
    size = max(8, int(2 * np.linalg.norm(points[mesh.CHIN] - points[mesh.FOREHEAD])))
    tile = cv2.resize(other, (size, size), interpolation=cv2.INTER_AREA)
    tiles = np.tile(tile, (height // size + 1, width // size + 1, 1))[:height, :width]
    outline = points[list(mesh.OVAL)]
    middle, reach = outline.mean(axis=0), np.ptp(outline, axis=0) / 2
    rows, columns = np.mgrid[0:height, 0:width]
    far = np.hypot((columns - middle[0]) / (1.25 * reach[0]), (rows - middle[1]) / (1.25 * reach[1]))
    weight = strength * np.clip((far - 1) / 0.1, 0, 1)[..., None]
    return ladders.whole((1 - weight) * image + weight * tiles)


if __name__ == "__main__":
    main()
