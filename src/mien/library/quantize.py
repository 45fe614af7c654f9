"""Makes an 8-bit copy of a recognizer, on faces found in photographs. Only when it is asked for.

For detectors see quantize_detector.

The copy gives other embeddings, so it is another model: a file, a card, a golden vector and a contract of its
own, and no thresholds until they are measured. OpenVINO runs it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.errors import CardError
from mien.library.quantize_detector import quantize_detector
from mien.library.quantized_card import card_of_copy
from mien.models import store
from mien.models.card import ModelCard
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.int8 import quantize_network
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.session import open_unchecked, read_verified
from mien.models.store import Model
from mien.pipeline import open_pipeline
from mien.plain_names import require_name
from mien.progress import OnProgress, no_progress, report_progress
from mien.types import Floats, Image

MIN_CROPS, MAX_CROPS = 32, 300
"""Crops below which the ranges of activations are a guess, and crops that are enough."""
MIN_COSINE = 0.98
"""Minimum mean cosine of the copy's embeddings to the original's; below it a copy is another recognizer."""


def quantize(
    model: Model,
    images: Sequence[Path],
    name: str | None = None,
    *,
    detector: str = DEFAULT_DETECTOR,
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> Model:
    """Make an 8-bit copy of a recognizer or a detector, and put it into the store.

    Args:
        model: a recognizer, or a detector with one network.
        images: files with at least 32 faces; the first 300 faces set the ranges of a recognizer's activations, the
            first 64 files those of a detector's.
        name: of the copy; None adds -int8 to the model's.
        detector: that finds the faces for a recognizer: its name, or the path of its card.
        options: of the engine that finds and aligns the faces.
        on_progress: called after each image.

    Returns:
        The copy; its card says how near it is to the original on these faces, and what is left in float32.

    Raises:
        CardError: too few faces, another kind of model, or no copy is near enough to the original.
        MissingExtraError: ONNX Runtime is not installed.

    Example:
        >>> from mien.models import store
        >>> images = sorted(Path("portraits").glob("*/*.jpg"))
        >>> mien.quantize_model(store.load("my-r50"), images).card.name
        'my-r50-int8'
    """
    copied = require_name(name or f"{model.card.name}-int8", "model", CardError, "choose another one with --as")
    if model.card.kind == "detector":
        return store.save(*quantize_detector(model, images, copied, on_progress))
    pipeline = open_pipeline(detector, str(model.folder), options, many=True)
    crops: list[Image] = []
    for analysis in report_progress(pipeline.analyse(images), "aligning", len(images), on_progress):
        crops += list(analysis.crops)
        if len(crops) >= MAX_CROPS:
            break
    card, files = quantize_on(model, crops[:MAX_CROPS], copied)
    return store.save(card, files)


def quantize_on(model: Model, crops: Sequence[Image], name: str) -> tuple[ModelCard, dict[str, bytes]]:
    """Quantize weights and activations to 8 bits.

    Args:
        model: a recognizer.
        crops: (H, W, 3) uint8 RGB each, aligned for it; their activations set the ranges.
        name: of the copy.

    Returns:
        The copy's card, and its file, for the store.

    Raises:
        CardError: too few crops, not a recognizer, or no copy is near enough to the original.
        MissingExtraError: ONNX Runtime is not installed.
    """
    card = model.card
    if card.embedding is None:
        raise CardError(
            f"{card.name} is a {card.kind}, not a recognizer; only recognizers and detectors are quantized"
        )
    if len(crops) < MIN_CROPS:
        raise CardError(
            f"{len(crops)} faces are too few to measure ranges on; choose a folder with {MIN_CROPS} or more"
        )
    original, batch = read_verified(card, model.folder, "model"), np.stack(crops)
    before = open_unchecked(original, card.input).run(batch)[0]

    def cosines_of(data: bytes) -> Floats:
        return _cosines(before, open_unchecked(data, card.input).run(batch)[0], len(crops))

    # A copy whose cosines are NaN is not near enough.
    data, left_out = quantize_network(
        original, card.input, crops, lambda small: bool(cosines_of(small).mean() >= MIN_COSINE)
    )
    cosines = cosines_of(data)
    if not cosines.mean() >= MIN_COSINE:
        raise CardError(
            f"no 8-bit copy of {card.name} is near enough: its embeddings have a mean cosine of {cosines.mean():.3f} "
            f"to the original's with {left_out} tensors left in float32, and {MIN_COSINE} is needed. Take "
            f"{card.name} as it is, or quantize it where it is trained (quantization-aware training)"
        )
    height, width = crops[0].shape[:2]
    figure = f"cosine to float32 on {len(crops)} faces: mean {cosines.mean():.5f}, min {cosines.min():.5f}"
    copy = card_of_copy(card, name, data, figure, left_out, width, height).model_copy(update={"thresholds": ()})
    return copy, {"model": data}


def _cosines(a: Floats, b: Floats, rows: int) -> Floats:
    a, b = a.reshape(rows, -1), b.reshape(rows, -1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(norms, 1e-12), np.float32)
