"""Draws the figures of docs/guide: what heads do to logits, from mien's own functions, and every augmentation.

Both portraits are in the public domain: Eileen Collins (scikit-image) and Grace Hopper (matplotlib). A smoke run
draws into a folder that is deleted.

    python benchmarks/pictures.py
"""

import tempfile
from math import pi
from pathlib import Path

import cv2
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import simplejpeg
import torch

import command
import inputs
import machine
from mien.align import align
from mien.detect.families import open_detector
from mien.image import read_image
from mien.models.defaults import package_file
from mien.templates import TEMPLATES
from mien.train.recognizers import heads
from mien.train.recognizers.augment import AUGMENTATIONS
from mien.types import Image

mpl.use("Agg")

OUT = machine.ROOT / "docs" / "pictures"


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) if given.smoke else OUT
        targets(out)
        negatives(out)
        gradients(out)
        augmentation(out)
        print(*sorted(path.name for path in out.iterdir()), sep="\n")


def axes(title: str, x: str, y: str) -> plt.Axes:
    _, area = plt.subplots(figsize=(7, 4.2), layout="constrained")
    area.set(title=title, xlabel=x, ylabel=y)
    area.grid(alpha=0.3)
    return area


def save(area: plt.Axes, path: Path) -> None:
    area.legend(frameon=False, fontsize=9)
    area.figure.savefig(path, dpi=110)
    plt.close(area.figure)


def targets(out: Path) -> None:
    """The target's logit against its angle."""
    theta = torch.linspace(0.01, pi - 0.01, 400)
    cosine = theta.cos()
    area = axes("The target's logit by head", "angle between embedding and centre, degrees", "logit / s")
    degrees = torch.rad2deg(theta)
    area.plot(degrees, cosine, color="black", lw=1, label="cos(theta): no margin")
    area.plot(degrees, heads.arcface(cosine, 0.5), label="ArcFace, CurricularFace: m = 0.5, with the fallback")
    area.plot(degrees, heads.arcface_straight_through(cosine, 0.5), "--", lw=1, label="arcface_torch: no fallback")
    area.plot(degrees, heads.cosface(cosine, 0.35), label="CosFace: m = 0.35")
    area.plot(degrees, heads.combined(cosine, 1.0, 0.3, 0.2), label="combined: 1, 0.3, 0.2")
    for quality, style in ((-1.0, ":"), (1.0, "-.")):
        of = heads.adaface(cosine, torch.full_like(cosine, quality), 0.4)
        area.plot(degrees, of, style, color="tab:purple", label=f"AdaFace: m = 0.4, quality {quality:+.0f}")
    save(area, out / "heads-target.png")


def negatives(out: Path) -> None:
    """CurricularFace's logits of the other classes."""
    cosines = torch.linspace(-0.4, 0.9, 400)[None]
    area = axes("CurricularFace: logits of the other classes", "cos(theta_j)", "logit / s")
    area.plot(cosines[0], cosines[0], color="black", lw=1, label="all other heads")
    for curriculum in (0.0, 0.3, 0.6):
        others = heads.curricular_others(cosines, torch.tensor([0.7]), 0.5, curriculum)
        area.plot(cosines[0], others[0], label=f"t = {curriculum:g}, target at cos = 0.7")
    save(area, out / "heads-curricular.png")


def gradients(out: Path) -> None:
    """The derivative of the target's logit, exact and straight-through."""
    theta = torch.linspace(0.06, pi - 0.06, 400)
    area = axes("ArcFace: derivative of the target's logit", "angle, degrees", "d logit / d cos(theta)")
    for name, function in (("exact", heads.arcface), ("straight-through", heads.arcface_straight_through)):
        cosine = theta.cos().requires_grad_()
        function(cosine, 0.5).sum().backward()
        area.plot(torch.rad2deg(theta), cosine.grad, label=name)
    area.set_ylim(0, 6)
    save(area, out / "heads-gradient.png")


def crops() -> list[Image]:
    """The two portraits, aligned."""
    finder, found = open_detector("mtcnn"), []
    for package, path, *_ in inputs.PORTRAITS:
        image = read_image(package_file(package, path))
        face = max(finder.detect([image])[0], key=lambda one: one.score)
        found.append(align(image, face.landmarks, TEMPLATES["arcface"](112), 112))
    return found


def augmentation(out: Path) -> None:
    """Every kind, three draws of each."""
    rows = []
    for name, kind in AUGMENTATIONS.items():
        cells = [crop for portrait in crops() for crop in (portrait, *draws(kind.apply, portrait))]
        label = np.full((112, 110, 3), 255, np.uint8)
        cv2.putText(label, name, (4, 62), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
        rows.append(np.hstack([label, *cells]))
    picture = np.ascontiguousarray(np.vstack(rows))
    (out / "augmentation.jpg").write_bytes(simplejpeg.encode_jpeg(picture, 88, "RGB"))


def draws(apply: object, portrait: Image) -> list[Image]:
    landmarks = TEMPLATES["arcface"](112).points
    return [apply(portrait, landmarks, np.random.default_rng(seed)) for seed in (3, 4, 5)]


if __name__ == "__main__":
    main()
