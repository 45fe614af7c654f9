"""From a detector's weights to a model that serves everywhere: ONNX of free size and batch, compared, with its card.

Takes mien's own checkpoints and biubug6's RetinaFace weights. Trains nothing.
"""

import io
import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import CheckpointError
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import AccuracyRow
from mien.models.golden import golden_image
from mien.models.halve import halve
from mien.models.outputs import with_widths
from mien.models.session import open_unchecked
from mien.train import checkpoint
from mien.train.detectors.network import DetectorNetwork, Outputs
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.registry import read_detector
from mien.train.preprocess import prepare
from mien.train.recipe_io import parse_recipe
from mien.train.settings import About
from mien.types import Image, floats

PARITY = 0.9999
"""Least cosine between an output of the network for a picture and the exported file's."""
SIDES = ((320, 256), (192, 320))
"""Width and height of the pictures on which they are compared, where none are given: both orders, to find a swap."""


@dataclass(frozen=True, slots=True)
class DetectorOrigin:
    """A detector to export, and what is known of how it came to be."""

    network: DetectorNetwork
    about: About
    source: str


class _Activated(nn.Module):
    """A detector with its scores as its file gives them."""

    def __init__(self, network: DetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Outputs:
        """(N, 3, H, W) to the outputs."""
        return self.network.activated(self.network(x))


def open_detector_origin(path: Path) -> DetectorOrigin | None:
    """Open a run's folder (its newest checkpoint), a checkpoint's, or a file of weights; None for a recognizer's.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    place = path
    if (path / "checkpoints").is_dir():
        newest = checkpoint.latest(path / "checkpoints")
        if newest is None:
            raise CheckpointError(f"{path} has no checkpoint yet; train on with `mien train {path}/recipe.toml`")
        place = newest.where
    if not place.exists():
        raise CheckpointError(f"{path} does not exist; give a run's folder, a checkpoint's, or a file of weights")
    found = read_detector(place)
    if found is None:
        return None
    if place.is_file():
        about = About(summary=f"{found.name} from {place.name}", training_data="not stated")
        return DetectorOrigin(found.network(), about, f"converted from {place.name}")
    saved = checkpoint.read(place)
    recipe = parse_recipe(tomllib.loads(str(saved.state["recipe_text"])), str(saved.where))
    assert isinstance(recipe, DetectorRecipe)
    about = recipe.about.model_copy(
        update={
            "summary": recipe.about.summary or f"{found.name} trained by mien",
            "training_data": recipe.about.training_data
            or f"{', '.join(p.name for p in recipe.data.sets)}: {saved.state['pictures']} pictures",
        }
    )
    source = (
        f"trained by mien with the recipe {recipe.name} (sha256 {recipe.digest[:12]}), step {saved.step}, "
        f"commit {saved.state['commit'] or 'not known'}"
    )
    return DetectorOrigin(found.network(), about, source)


def detector_to_onnx(network: DetectorNetwork) -> bytes:
    """The network as an ONNX file: input (N, 3, H, W) of any batch and any sides that are multiples of 32."""
    network, example = network.cpu().float().eval(), torch.zeros(2, 3, 128, 160)
    stream = io.BytesIO()
    axes = {"input": {0: "batch", 2: "height", 3: "width"}}
    axes |= {name: {0: "batch", 1: "anchors"} for name in network.outputs}
    with warnings.catch_warnings():
        # The exporter that torch now prefers needs two more packages, and gives the same graph for these networks.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Activated(network).eval(),
            (example,),
            stream,  # type: ignore[arg-type]
            input_names=["input"],
            output_names=list(network.outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    with torch.inference_mode():
        widths = [part.shape[-1] for part in network(example)]
    # The exporter forgets them behind a reshape, and they tell what the network is.
    return with_widths(stream.getvalue(), widths)


def export_detector(
    origin: DetectorOrigin, name: str, pictures: Sequence[Image] = (), *, half: bool = False
) -> store.Model:
    """Export a detector and put it into the store.

    Args:
        origin: the network.
        name: of the model.
        pictures: (H, W, 3) uint8 RGB each, on which file and network are compared; drawn ones, where there are none.
        half: store weights in half precision.

    Raises:
        CheckpointError: the file does not give the network's outputs.
    """
    network, about = origin.network, origin.about
    pixels = network.pixels
    data = detector_to_onnx(network)
    hints = ModelHints(
        colour=pixels.colour,
        mean=pixels.mean,
        scale=pixels.scale,
        licence=about.licence,
        commercial_use=about.commercial_use,
        training_data=about.training_data,
        source=origin.source,
    )
    card, files = import_model(halve(data) if half else data, name, hints)
    shown = pictures or [golden_image(seed, *size) for seed, size in enumerate(SIDES)]
    session = open_unchecked(files["model"], card.input)
    least = min(_nearness(network, session.run(canvas[None]), canvas) for canvas in map(_canvas, shown))
    if least < PARITY:
        raise CheckpointError(
            f"{name}: on {len(shown)} pictures the exported file comes only within a cosine of {least:.6f} of the "
            "network; it is not kept" + ("; leave --half out" if half else "")
        )
    parity = AccuracyRow(protocol=f"export, {len(shown)} pictures", figure=f"least cosine to the network {least:.6f}")
    return store.save(card.model_copy(update={"summary": about.summary, "accuracy": (parity,)}), files)


def _canvas(image: Image) -> Image:
    """The picture, cut to sides that are multiples of 32 and at most 640."""
    height, width = (max(32, min(640, side) // 32 * 32) for side in image.shape[:2])
    canvas = np.zeros((height, width, 3), np.uint8)
    part = image[:height, :width]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas


def _nearness(network: DetectorNetwork, there: Sequence[np.ndarray], canvas: Image) -> float:
    with torch.inference_mode():
        here = network.activated(network(prepare(canvas[None], network.pixels, torch.device("cpu"))))
    nearest = 1.0
    for mine, other in zip(here, there, strict=True):
        a, b = floats(mine.numpy()).reshape(-1), floats(other).reshape(-1)
        if a.shape != b.shape:
            return -1.0
        nearest = min(nearest, float(a @ b / max(1e-12, float(np.linalg.norm(a) * np.linalg.norm(b)))))
    return nearest
