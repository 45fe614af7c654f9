"""The card of an 8-bit copy, of a recognizer or a detector. Quantizes nothing."""

import hashlib

from mien.models.card import AccuracyRow, ModelCard, ModelFile
from mien.models.golden import SEED, measure
from mien.models.session import open_unchecked, single_run


def card_of_copy(
    card: ModelCard, name: str, data: bytes, figure: str, left_out: int, width: int, height: int
) -> ModelCard:
    """The card of a copy: its own name, file and golden vector, and how near it is to the original.

    Args:
        card: of the original.
        name: of the copy.
        data: its ONNX file.
        figure: how near it is.
        left_out: how many tensors stay in float32.
        width: of the golden image, in pixels.
        height: of the golden image, in pixels.
    """
    if left_out:
        figure += f"; {left_out} of the most sensitive tensors stay in float32"
    return card.model_copy(
        update={
            "name": name,
            "summary": f"{card.summary}, 8 bits",
            "source": f"quantized from {card.name}; {card.source}",
            "files": {"model": ModelFile(path="model.onnx", sha256=hashlib.sha256(data).hexdigest())},
            "accuracy": (AccuracyRow(protocol="quantization", figure=figure),),
            "golden": {"model": measure(single_run(open_unchecked(data, card.input)), SEED, width, height)},
        }
    )
