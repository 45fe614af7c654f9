"""Eyes, gaze and mouth by the models of the face mesh and the iris: real closed eyes, and drawn ladders.

Closed eyes: faces of LFW of which benchmarks/errata/closed-eyes.txt says that both eyes are seen to be closed or that
it cannot be said, and faces drawn at random, with a part of people with East and South-East Asian names. The list was
made by looking at the faces with the lowest values of two networks, so eyes that both call open may be missing in it.

Ladders: on photographs of LFW, lids are drawn shut by 20 to 100%, irises are moved by 5 to 25% of the eye's width,
and the mouth is opened by 4 to 20% of T; faces are detected again in each copy. Drawn ones, since no labelled ones
were available. The models are `face-mesh` and `face-iris` of the store, and `open-closed-eye` where it is there.

    python benchmarks/eyes.py [--images N] [--ladders N]
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import ladders
import machine
import recognizers
from mien.image import read_image
from mien.models import store
from mien.models.options import EngineOptions
from mien.pipeline import array_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures import mesh
from mien.rates import wilson
from mien.types import Floats, Image

NEEDED, SECOND = ("face-mesh", "face-iris"), "open-closed-eye"
LIMIT, DOUBT = 0.15, 0.05
STEPS = 5


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--images", type=int, default=600, help="faces drawn at random")
    parser.add_argument("--ladders", type=int, default=60, help="photographs of the ladders")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        names = made_models(Path(scratch)) if given.smoke else models()
        examiner = open_examiner("mtcnn", None, names, options=EngineOptions(threads=1, streams=1))
        files = inputs.lfw(Path(scratch), smoke=given.smoke, people=2, images=1)
        groups = {"made people": files} if given.smoke else groups_of(files, given.images)
        result = {"closed eyes": {name: judged(examiner, paths) for name, paths in groups.items()}}
        result["ladders"] = all_ladders(examiner, inputs.some(files, 1 if given.smoke else given.ladders))
    command.finish("eyes", result, smoke=given.smoke)


def models() -> list[str]:
    if not all(store.is_stored(name) for name in NEEDED):
        sys.exit(f"{', '.join(NEEDED)} are not in the store: `mien models pull recommended`")
    return [*NEEDED, *([SECOND] if store.is_stored(SECOND) else [])]


def made_models(folder: Path) -> list[str]:
    return [inputs.made_mesh(folder), inputs.made_iris(folder)]


def groups_of(files: list[Path], count: int) -> dict[str, list[Path]]:
    listed = dict(
        line.split() for line in (machine.ROOT / "benchmarks/errata/closed-eyes.txt").read_text().splitlines()
    )
    asian = recognizers.asian_names(smoke=False)
    by_name = {path.name: path for path in files}
    others = [path for path in files if path.name not in listed]
    return {
        "seen to be closed": [by_name[name] for name, kind in listed.items() if kind == "closed"],
        "cannot be said": [by_name[name] for name, kind in listed.items() if kind == "unclear"],
        "drawn at random, other names": inputs.some([p for p in others if p.parent.name not in asian], count),
        "drawn at random, East and South-East Asian names": inputs.some(
            [p for p in others if p.parent.name in asian], count // 2
        ),
    }


def judged(examiner: Examiner, paths: Sequence[Path]) -> dict:
    """Shares of the three states by the outline of the lids, and what the second network says."""
    found = [examiner.item(array_item(path.name, read_image(path))) for path in paths]
    ratio, second = column(found, "eye_ratio"), column(found, "eyes_seen_open")
    known = np.isfinite(ratio)
    states = {
        f"fail, below {LIMIT}": ratio[known] < LIMIT,
        "not assessed": (ratio[known] >= LIMIT) & (ratio[known] < LIMIT + DOUBT),
        "second network says closed": second[known] < 0.5,
        "both": (ratio[known] < LIMIT) & (second[known] < 0.5),
    }
    return {"faces": int(known.sum())} | {
        name: {"share %": round(100 * float(one.mean()), 2), "interval": interval(one)}
        for name, one in states.items()
    }


def interval(flags: np.ndarray) -> list[float]:
    return [round(100 * end, 2) for end in wilson(float(flags.mean()), len(flags))] if len(flags) else []


def column(found: Sequence[Examined], name: str) -> np.ndarray:
    values = [None if one.chip is None else one.measures[name].value for one in found]
    return np.array([np.nan if value is None else value for value in values])


def shut(image: Image, chip: object, step: int) -> Image:
    """The skin above each eye is stretched down over 20 to 100% of it, with a dark line of lashes."""
    share, drawn = step / STEPS, image.copy()
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    for lids in chip.extra["lids"]:  # type: ignore[attr-defined]
        corners = lids[[0, 8]]
        left, right = float(corners[:, 0].min()), float(corners[:, 0].max())
        x = np.clip((columns - left) / max(1.0, right - left), 0, 1)
        lower, upper = (curve(lids[part], left, right, x) for part in (slice(0, 9), [0, *range(9, 16), 8]))
        wide = right - left
        edge, top = upper + share * np.maximum(0, lower - upper), upper - 0.35 * wide
        inside = (columns > left) & (columns < right) & (rows > top) & (rows <= edge)
        source = top + (rows - top) * (upper - top) / np.maximum(1e-3, edge - top)
        warped = cv2.remap(image, columns, np.where(inside, source, rows).astype(np.float32), cv2.INTER_LINEAR)
        lash = np.exp(-(((rows - edge) / max(0.7, 0.03 * wide)) ** 2)) * ((columns > left) & (columns < right))
        warped = warped * (1 - 0.6 * share * lash[..., None])
        drawn = np.where((inside | (lash > 0.1))[..., None], warped, drawn)
    return ladders.whole(drawn)


def curve(points: Floats, left: float, right: float, x: np.ndarray) -> np.ndarray:
    """A parabola through a lid's points, at shares of the width."""
    return np.polyval(np.polyfit((points[:, 0] - left) / max(1.0, right - left), points[:, 1], 2), x)


def look_aside(image: Image, chip: object, step: int) -> Image:
    """What is between the lids is moved to the viewer's right by 5 to 25% of the eye's width."""
    drawn = image.astype(np.float32)
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    for lids in chip.extra["lids"]:  # type: ignore[attr-defined]
        wide = float(np.linalg.norm(lids[8] - lids[0]))
        cover = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(cover, [np.rint(lids[[*range(9), *range(15, 8, -1)]] * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
        moved = cv2.remap(image, columns - 0.05 * step * wide, rows, cv2.INTER_LINEAR)
        share = cv2.GaussianBlur(cover, (0, 0), 0.7).astype(np.float32)[..., None] / 255
        drawn = drawn * (1 - share) + moved * share
    return ladders.whole(drawn)


def open_mouth(image: Image, chip: object, step: int) -> Image:
    """The lower lip and the chin are moved down by 4 to 20% of T, and the gap is dark."""
    points = chip.extra["mesh"][:, :2]  # type: ignore[attr-defined]
    left, right = points[61], points[291]
    line = (points[mesh.LIPS[0]] + points[mesh.LIPS[1]]) / 2
    reach = float(np.linalg.norm(points[mesh.CHIN] - points[[33, 263]].mean(axis=0)))
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    x = (columns - (left[0] + right[0]) / 2) / max(1.0, (right[0] - left[0]) / 2)
    gap = 0.04 * step * reach * np.clip(1 - x * x, 0, 1)
    below = rows - line[1]
    moved = rows - gap * np.clip(1 - (below - gap) / reach, 0, 1) * (below > gap)
    warped = cv2.remap(image, columns, moved.astype(np.float32), cv2.INTER_LINEAR)
    return ladders.whole(np.where(((below > 0) & (below <= gap))[..., None], (50, 20, 22), warped))


LADDERS: dict[str, tuple[Callable[[Image, object, int], Image], str, int]] = {
    "lids drawn shut": (shut, "eye_ratio", -1),
    "irises moved": (look_aside, "gaze", 1),
    "mouth drawn open": (open_mouth, "mouth_open", 1),
}


def all_ladders(examiner: Examiner, paths: Sequence[Path]) -> dict:
    clean = [examiner.item(array_item(path.name, read_image(path))) for path in paths]
    clean = [one for one in clean if one.chip is not None and abs(one.measures["yaw"].value) < 25]
    return {name: climb(examiner, clean, *one) for name, one in LADDERS.items()}


def climb(examiner: Examiner, clean: Sequence[Examined], apply: Callable, measure: str, sign: int) -> dict:
    table = np.full((len(clean), STEPS + 1), np.nan)
    second = np.full((len(clean), STEPS + 1), np.nan)
    for row, one in enumerate(clean):
        for step in range(STEPS + 1):
            image = one.portrait.image if not step else apply(one.portrait.image, one.chip, step)
            found = examiner.item(array_item("copy", image))
            table[row, step], second[row, step] = column([found], measure)[0], column([found], "eyes_seen_open")[0]
    steps = np.arange(STEPS + 1) * sign
    figures = {
        "photographs": len(clean),
        "measure": measure,
        "spearman within a photograph": round(float(np.mean([ladders.spearman(steps, one) for one in table])), 3),
        "spearman over all": round(ladders.spearman(np.tile(steps, len(table)), table.reshape(-1)), 3),
        "area under the curve by severity": [
            round(ladders.auc(table[:, s] * sign, table[:, 0] * sign), 3) for s in range(1, STEPS + 1)
        ],
        "median by severity": [round(float(v), 3) for v in np.nanmedian(table, axis=0)],
        "faces found at the worst": round(float(np.isfinite(table[:, STEPS]).mean()), 3),
    }
    if measure == "eye_ratio":
        figures["flagged at the rule's limit by severity"] = [
            round(float((column_ < LIMIT).mean()), 3) for column_ in table.T
        ]
        figures["second network says closed by severity"] = [
            round(float((column_ < 0.5).mean()), 3) for column_ in second.T
        ]
    return figures


if __name__ == "__main__":
    sys.exit(main())
