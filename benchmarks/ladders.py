"""Degradation ladders on 300 photographs of LFW: does each measure follow its fault, and do the others stay still?

Every photograph is degraded at five severities; faces are detected again in each copy, and everything is measured.
For each ladder and measure: Spearman's correlation with severity, within a photograph (mean over photographs) and
over all; the area under the curve of degraded against clean copies; the share of each that the rule's limit flags;
and how far the other measures move, in standard deviations of the clean photographs.

    python benchmarks/ladders.py
    python benchmarks/ladders.py table    # docs/guide/portraits-measured.md from the result
"""

import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import rankdata

import command
import inputs
import machine
from mien.data.workers import ordered
from mien.detect.families import open_detector
from mien.evaluate import corruptions
from mien.image import read_image
from mien.models.options import EngineOptions
from mien.pipeline import array_item
from mien.portrait.examine import Examiner
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.files import load_rules
from mien.portrait.rules.verdicts import FAIL, states
from mien.types import Floats, Image, floats

PHOTOGRAPHS = 300
STEPS = 5


def ied(points: Floats) -> float:
    return max(4.0, float(np.linalg.norm(points[1] - points[0])))


def whole(image: np.ndarray) -> Image:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def motion(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """A movement of 10 to 40% of the eyes' distance in a random direction."""
    length, angle = (0.10, 0.17, 0.24, 0.32, 0.40)[step - 1] * ied(points), draw.uniform(0, np.pi)
    side = 2 * int(np.ceil(length / 2)) + 3
    kernel = np.zeros((side * 8, side * 8), np.float32)
    middle = np.array([side * 4, side * 4])
    reach = length * 4 * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(int(v) for v in np.rint(middle + sign * reach)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 8)
    kernel = cv2.resize(kernel, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def darker(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Gamma of 1.4 to 4."""
    return whole(255 * (image / 255) ** (1.4, 1.9, 2.5, 3.2, 4.0)[step - 1])


def brighter(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Gamma of 0.75 to 0.15."""
    return whole(255 * (image / 255) ** (0.75, 0.55, 0.4, 0.25, 0.15)[step - 1])


def one_side(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """The half of the face that is darker already loses 30 to 90% of its light; the other would first be evened."""
    darkest, middle = (0.7, 0.5, 0.35, 0.2, 0.1)[step - 1], float(points[:, 0].mean())
    ramp = 1 / (1 + np.exp(-(np.arange(image.shape[1]) - middle) / (0.35 * ied(points))))
    down = (points[3:].mean(axis=0) - points[:2].mean(axis=0)) / 2
    cheeks = [image[int(y) - 5 : int(y) + 5, int(x) - 5 : int(x) + 5].mean() for x, y in points[:2] + down]
    ramp = ramp if cheeks[0] < cheeks[1] else 1 - ramp
    return whole(image * floats(darkest + (1 - darkest) * ramp)[None, :, None])


def printed(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Printed with dots on a screen of 45 degrees and scanned: contrast of the dots of 6 to 100%, paper and noise."""
    share, pitch, up = (0.06, 0.12, 0.25, 0.5, 1.0)[step - 1], max(2.6, 0.075 * ied(points)), 4
    height, width = image.shape[:2]
    large = cv2.resize(image, (width * up, height * up), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    rows, columns = np.mgrid[0 : height * up, 0 : width * up].astype(np.float32)
    u, v = (np.pi * 2 / (pitch * up * np.sqrt(2)) * (columns + sign * rows) for sign in (1, -1))
    dots = np.where(large / 255 > ((np.cos(u) + np.cos(v)) / 4 + 0.5)[..., None], 250, 15).astype(np.float32)
    page = cv2.GaussianBlur(cv2.resize(dots, (width, height), interpolation=cv2.INTER_AREA), (0, 0), 0.5)
    return whole((1 - share) * image + share * page + draw.normal(0, 2, image.shape))


def on_screen(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """A photograph of a screen, a little tilted: rows and columns of coloured stripes of 3 to 50% contrast."""
    depth, pitch = (0.03, 0.07, 0.15, 0.3, 0.5)[step - 1], max(2.6, 0.07 * ied(points))
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    tilt = np.radians(draw.uniform(1, 5))
    u, v = columns * np.cos(tilt) + rows * np.sin(tilt), rows * np.cos(tilt) - columns * np.sin(tilt)
    stripes = 1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * (u[..., None] / pitch + np.array([0, 1 / 3, 2 / 3]))))
    lines = 1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * v / pitch))
    return whole(image * stripes * lines[..., None] * (1 + 0.5 * depth) + draw.normal(0, 1.5, image.shape))


def rims(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Glasses with rims of 2 to 9% of the eyes' distance, the thin ones half clear."""
    far, thick = ied(points), max(1, round((0.02, 0.03, 0.045, 0.065, 0.09)[step - 1] * ied(points)))
    strength, drawn = (0.35, 0.5, 0.7, 0.85, 1.0)[step - 1], image.copy()
    along = (points[1] - points[0]) / far
    angle, colour = float(np.degrees(np.arctan2(along[1], along[0]))), tuple(int(v) for v in draw.integers(10, 70, 3))
    half = round(0.40 * far), round(0.30 * far)
    for eye in points[:2]:
        cv2.ellipse(drawn, tuple(round(float(v)) for v in eye), half, angle, 0, 360, colour, thick, cv2.LINE_AA)
    bridge = (points[0] + along * half[0], points[1] - along * half[0])
    cv2.line(drawn, *(tuple(round(float(v)) for v in p) for p in bridge), colour, thick, cv2.LINE_AA)
    return whole((1 - strength) * image + strength * drawn)


def lenses(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Lenses that let 75 to 5% of the light through."""
    clear, far = (0.75, 0.5, 0.3, 0.15, 0.05)[step - 1], ied(points)
    shape = np.zeros(image.shape[:2], np.uint8)
    for eye in points[:2]:
        cv2.ellipse(
            shape, tuple(round(float(v)) for v in eye), (round(0.4 * far), round(0.3 * far)), 0, 0, 360, 1, -1
        )
    return np.where(shape[..., None] > 0, whole(image * np.float32(clear)), image)


def smaller(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """Shrunk and enlarged again by 1.25 to 4."""
    factor, (height, width) = (1.25, 1.5, 2.0, 3.0, 4.0)[step - 1], image.shape[:2]
    small = cv2.resize(image, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def paper(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """A white border of 2 to 12% of the width around the picture."""
    wide = round((0.02, 0.04, 0.06, 0.09, 0.12)[step - 1] * image.shape[1])
    return cv2.copyMakeBorder(image, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=(247, 246, 242))


def stamped(image: Image, points: Floats, step: int, draw: np.random.Generator) -> Image:
    """A round red stamp over the lower corner, of ink that covers 20 to 100%."""
    ink, drawn = (0.2, 0.4, 0.6, 0.8, 1.0)[step - 1], image.copy()
    height, width = image.shape[:2]
    spot = round(width * draw.uniform(0.68, 0.8)), round(height * draw.uniform(0.72, 0.84))
    for radius in (0.17, 0.11):
        cv2.circle(drawn, spot, round(radius * width), (205, 35, 45), max(2, width // 70), cv2.LINE_AA)
    return whole((1 - ink) * image + ink * drawn)


LADDERS = {
    "blur": (corruptions.blur, "sharpness", -1),
    "motion": (motion, "motion_blur", 1),
    "noise": (corruptions.noise, "noise", 1),
    "JPEG": (corruptions.jpeg, "compression", 1),
    "gamma, darker": (darker, "luminance", -1),
    "gamma, brighter": (brighter, "luminance", 1),
    "one-sided light": (one_side, "cheek_balance", -1),
    "colour cast": (corruptions.colour_cast, "natural_colour", 1),
    "halftone print and scan": (printed, "halftone", 1),
    "screen photograph": (on_screen, "screen", 1),
    "drawn glasses": (rims, "glasses", 1),
    "dark lenses": (lenses, "dark_lenses", 1),
    "drawn mask": (corruptions.mask, "mask", 1),
    "rescaling": (smaller, "enlargement", 1),
    "paper border": (paper, "paper_border", 1),
    "stamp": (stamped, "stamp", 1),
}
"""What is done, the measure that is meant, and which way it shall go."""

NAMES = [name for name, one in MEASURES.items() if name not in ("width", "height", "aspect", "jpeg_quality")]


def climb(item: tuple[int, str]) -> np.ndarray:
    """(ladders, 6, measures) of one photograph; NaN where a measure was not taken."""
    global examiner
    if "examiner" not in globals():
        cv2.setNumThreads(1)
        examiner = Examiner(open_detector("mtcnn", EngineOptions(threads=1, streams=1)))
    index, path = item
    image = read_image(Path(path))
    clean = examiner.item(array_item("image", image))
    table = np.full((len(LADDERS), STEPS + 1, len(NAMES)), np.nan, np.float32)
    if clean.chip is None:
        return table
    table[:, 0] = values(clean)
    for row, (name, (apply, _, _)) in enumerate(LADDERS.items()):
        for step in range(1, STEPS + 1):
            draw = np.random.default_rng([index, *name.encode()])
            table[row, step] = values(
                examiner.item(array_item("image", apply(image, clean.portrait.face.landmarks, step, draw)))
            )
    return table


def values(examined: object) -> list[float]:
    return [np.nan if (v := examined.measures[name].value) is None else v for name in NAMES]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    x, y = rankdata(a[known]), rankdata(b[known])
    if known.sum() < 3 or x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def auc(bad: np.ndarray, good: np.ndarray) -> float:
    bad, good = bad[np.isfinite(bad)], good[np.isfinite(good)]
    if not len(bad) or not len(good):
        return float("nan")
    return float((bad[:, None] > good[None]).mean() + 0.5 * (bad[:, None] == good[None]).mean())


def flagged(measure: str, column: np.ndarray, rules: object) -> float:
    """Share of values that the rule on this measure fails."""
    for rule in rules.rule:
        if rule.measure == measure:
            return float((states(rule, floats(column), np.zeros(len(column), np.float32))[0] == FAIL).mean())
    return float("nan")


def summary(table: np.ndarray) -> dict:
    """(photographs, ladders, 6, measures) to figures."""
    rules, steps, found = load_rules("vn-portrait"), np.arange(STEPS + 1), {}
    clean = table[:, 0, 0]
    spread = np.nanstd(clean, axis=0) + 1e-6
    for row, (name, (_, target, sign)) in enumerate(LADDERS.items()):
        own = NAMES.index(target)
        part = table[:, row, :, own]
        within = [spearman(steps * sign, one) for one in part]
        shift = (np.nanmedian(table[:, row], axis=0) - np.nanmedian(clean, axis=0)) / spread
        others = sorted(
            ((NAMES[i], round(float(shift[3, i]), 2)) for i in range(len(NAMES)) if i != own),
            key=lambda x: -abs(x[1]),
        )
        found[name] = {
            "measure": target,
            "spearman within a photograph": round(float(np.mean(within)), 3),
            "spearman over all": round(spearman(np.tile(steps * sign, len(part)), part.reshape(-1)), 3),
            "area under the curve by severity": [
                round(auc(part[:, s] * sign, part[:, 0] * sign), 3) for s in range(1, STEPS + 1)
            ],
            "median by severity": [round(float(v), 3) for v in np.nanmedian(part, axis=0)],
            "flagged at the rule's limit by severity": [
                round(flagged(target, part[:, s], rules), 3) for s in range(STEPS + 1)
            ],
            "faces found at the worst": round(float(np.isfinite(table[:, row, STEPS, NAMES.index("yaw")]).mean()), 3),
            "others that move by more than half a deviation at severity 3": {n: v for n, v in others if abs(v) > 0.5},
            "other rules: share flagged, clean and at severity 3": {
                rule.id: [
                    round(flagged(rule.measure, clean[:, NAMES.index(rule.measure)], rules), 3),
                    round(flagged(rule.measure, table[:, row, 3, NAMES.index(rule.measure)], rules), 3),
                ]
                for rule in rules.rule
                if rule.measure in NAMES and rule.measure != target
                and flagged(rule.measure, table[:, row, 3, NAMES.index(rule.measure)], rules)
                > flagged(rule.measure, clean[:, NAMES.index(rule.measure)], rules) + 0.03
            },
        }  # fmt: skip
    return found


HEAD = """# Portraits: what the measures are worth

`python benchmarks/ladders.py` on {photographs} photographs of LFW, faces detected again in every copy; limits of
`{rules}`; {processor}, commit {commit}. Limits and constants come from CelebA, not from LFW (docs/log.md).

Spearman: of the measure with severity 0 to 5, within a photograph (mean) and over all. AUC: degraded against clean,
at the mildest, the middle and the worst severity. Flagged: share that fails the rule, clean and at the same.

| ladder | measure | Spearman within, over all | AUC 1, 3, 5 | flagged clean, 1, 3, 5 | faces found at 5 |
|---|---|---|---|---|---|
"""
MIDDLE = """
## What the other measures do

Measures that are not meant and move by more than half a standard deviation of the clean photographs at severity 3,
with their movement in deviations; and other rules that then flag at least 3 points more photographs.

| ladder | measures that move | rules that flag more, clean and then |
|---|---|---|
"""


def table() -> str:
    """The result as a page of the guide."""
    result = json.loads((command.RESULTS / "ladders.json").read_text())
    text = HEAD.format(photographs=result["photographs"], rules=result["rules"], **result["machine"])
    for name, one in result["ladders"].items():
        auc, flags = one["area under the curve by severity"], one["flagged at the rule's limit by severity"]
        cells = (
            name,
            f"`{one['measure']}`",
            f"{one['spearman within a photograph']:.3f}, {one['spearman over all']:.2f}",
            ", ".join(f"{auc[i]:.2f}" for i in (0, 2, 4)),
            ", ".join(f"{100 * flags[i]:.0f}%" for i in (0, 1, 3, 5)),
            f"{100 * one['faces found at the worst']:.0f}%",
        )
        text += f"| {' | '.join(cells)} |\n"
    text += MIDDLE
    for name, one in result["ladders"].items():
        moved = one["others that move by more than half a deviation at severity 3"]
        rules = one["other rules: share flagged, clean and at severity 3"]
        first = ", ".join(f"{other} {value:+.1f}" for other, value in moved.items()) or "none"
        second = ", ".join(f"{rule} {100 * a:.0f}% to {100 * b:.0f}%" for rule, (a, b) in rules.items()) or "none"
        text += f"| {name} | {first} | {second} |\n"
    return text


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("action", nargs="?", choices=("table",), help="write the guide's page from the result")
    given = parser.parse_args()
    if given.action == "table":
        (machine.ROOT / "docs" / "guide" / "portraits-measured.md").write_text(table())
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = inputs.some(inputs.lfw(Path(folder), smoke=given.smoke, people=2, images=1), PHOTOGRAPHS)
        items = [(index, str(path)) for index, path in enumerate(paths)]
        found = np.stack(list(ordered(climb, items, 1 if given.smoke else machine.describe()["cores"])))
    found = found[np.isfinite(found[:, 0, 0, NAMES.index("yaw")])]
    result = {"photographs": len(found), "rules": "vn-portrait", "ladders": summary(found)}
    command.finish("ladders", result, smoke=given.smoke)


if __name__ == "__main__":
    main()
