"""From a detector's weights to a model that serves everywhere: ONNX of any size and batch, compared, with its card.

Takes mien's own checkpoints and foreign weights that weights.py recognizes. Trains nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import ExportOptionError
from mien.image import find_images, read_image
from mien.library.import_model import import_model
from mien.models import store
from mien.models.golden import golden_image
from mien.models.halve import halve
from mien.models.outputs import with_widths
from mien.models.session import open_unchecked
from mien.train.compute.preprocess import prepare
from mien.train.detectors.network import DetectorNetwork, Outputs
from mien.train.detectors.recipe import DETECTOR_RECIPE
from mien.train.detectors.weights import read_detector
from mien.train.exported import (
    Exported,
    ExportRequest,
    describe_source,
    fill_about,
    find_checkpoint,
    hints_of,
    min_cosine,
    require_parity,
    write_onnx,
)
from mien.train.recipe.io import parse_stored
from mien.train.recipe.settings import About
from mien.train.run import checkpoint
from mien.types import Image, floats

SIZES = ((320, 256), (192, 320))
"""Width and height of the drawn images that file and network are compared on: both orders, to find a swap."""

COMPARED = 16
"""Maximum number of a folder's images that file and network are compared on."""


@dataclass(frozen=True, slots=True)
class DetectorOrigin:
    """A detector to export, and what is known of how it was made.

    Attributes:
        network: the detector.
        about: for the card.
        source: recipe, step and commit, in a sentence.
    """

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
    """Open a run's folder (its newest checkpoint), a checkpoint's folder, or a file of weights.

    Returns:
        None for weights that are not of a detector.

    Raises:
        CheckpointError: it does not exist or cannot be read.
    """
    place = find_checkpoint(path)
    found = read_detector(place)
    if found is None:
        return None
    if place.is_file():
        about = About(summary=f"{found.name} from {place.name}", training_data="not stated")
        return DetectorOrigin(found.network(), about, f"converted from {place.name}")
    saved = checkpoint.read_network(place)
    recipe = parse_stored(DETECTOR_RECIPE, str(saved.state["recipe_text"]), str(saved.where))
    data, count = ", ".join(path.name for path in recipe.data.sets), saved.state["pictures"]
    about = fill_about(recipe, f"{found.name} trained by mien", f"{data}: {count} images")
    return DetectorOrigin(found.network(), about, describe_source(recipe, saved))


def export_detector(request: ExportRequest) -> Exported | None:
    """Export weights of a detector; None for weights that are not of a detector.

    Raises:
        CheckpointError: the weights cannot be read, or the file does not give the network's outputs.
        ExportOptionError: thresholds, mirroring or a colour order are asked for.
    """
    origin = open_detector_origin(request.source)
    if origin is None:
        return None
    if request.calibrate is not None or request.mirror or request.colour is not None:
        raise ExportOptionError(
            "a detector has no thresholds and no mirrored embedding, and its family says its colour order: leave "
            "--calibrate, --mirror and --colour out"
        )
    paths = find_images(request.crops)[:COMPARED] if request.crops is not None else []
    images = [read_image(path) for path in paths]
    return Exported(export_network(origin, request.name, images, half=request.half))


def to_onnx(network: DetectorNetwork) -> bytes:
    """Write the network as an ONNX file: input (N, 3, H, W) of any batch and any sides that are multiples of 32."""
    network, example = network.cpu().float().eval(), torch.zeros(2, 3, 128, 160)
    axes = {"input": {0: "batch", 2: "height", 3: "width"}}
    axes |= {name: {0: "batch", 1: "anchors"} for name in network.outputs}
    data = write_onnx(_Activated(network).eval(), example, network.outputs, axes)
    with torch.inference_mode():
        widths = [part.shape[-1] for part in network(example)]
    # The exporter loses the widths behind a reshape, and they say what kind of network it is.
    return with_widths(data, widths)


def export_network(
    origin: DetectorOrigin, name: str, images: Sequence[Image] = (), *, half: bool = False
) -> store.Model:
    """Export a detector and put it into the store.

    Args:
        origin: the network.
        name: of the model.
        images: (H, W, 3) uint8 RGB each, on which file and network are compared; none takes drawn ones.
        half: store weights in half precision.

    Raises:
        CheckpointError: the file does not give the network's outputs.
    """
    network, about = origin.network, origin.about
    data = to_onnx(network)
    card, files = import_model(halve(data) if half else data, name, hints_of(about, origin.source, network.spec))
    shown = images or [golden_image(seed, *size) for seed, size in enumerate(SIZES)]
    session = open_unchecked(files["model"], card.input)
    parity = min(_parity(network, session.run(canvas[None]), canvas) for canvas in map(_canvas, shown))
    row = require_parity(name, parity, f"{len(shown)} images", half=half)
    return store.save(card.model_copy(update={"summary": about.summary, "accuracy": (row,)}), files)


def _canvas(image: Image) -> Image:
    """The image, cut to sides that are multiples of 32 and at most 640."""
    height, width = (max(32, min(640, side) // 32 * 32) for side in image.shape[:2])
    canvas = np.zeros((height, width, 3), np.uint8)
    part = image[:height, :width]
    canvas[: part.shape[0], : part.shape[1]] = part
    return canvas


def _parity(network: DetectorNetwork, there: Sequence[np.ndarray], canvas: Image) -> float:
    with torch.inference_mode():
        here = network.activated(network(prepare(canvas[None], network.spec, torch.device("cpu"))))
    rows = [
        (floats(mine.numpy()).reshape(1, -1), floats(other).reshape(1, -1))
        for mine, other in zip(here, there, strict=True)
    ]
    if any(mine.shape != other.shape for mine, other in rows):
        return -1.0
    return min(min_cosine(mine, other) for mine, other in rows)
