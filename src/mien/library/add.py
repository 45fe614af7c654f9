"""Adds a user's own network to the store: reads it, makes its card, saves both."""

from dataclasses import dataclass, replace
from pathlib import Path

from mien.errors import CardError
from mien.library.import_model import EMBEDDING, ModelHints, import_model, import_portrait_model, recognize
from mien.models import store
from mien.models.card import PortraitModelSpec
from mien.models.network_file import read_network_file
from mien.plain_names import name_from, require_name


@dataclass(frozen=True, slots=True)
class PortraitRole:
    """What a model for portraits gives, by its family, how it gets the face, and what its output means."""

    family: str
    spec: PortraitModelSpec


def add_model(
    file: Path, name: str | None = None, *, hints: ModelHints | None = None, role: PortraitRole | None = None
) -> store.Model:
    """Add a recognizer, a detector or a model for portraits.

    Args:
        file: an ONNX file, OpenVINO IR by its .xml, or a tflite file.
        name: in the store; None takes the file's.
        hints: what the file does not say.
        role: of a model that examines one face of a portrait; None for a recognizer or a detector.

    Raises:
        CardError: the file cannot be read, is of no known family, has weights that are not numbers or all zero, or
            the hints leave something open; or `name` is not a name.

    Example:
        >>> from mien.library.import_model import ModelHints
        >>> mien.add_model(Path("my-r50.onnx"), hints=ModelHints(colour="RGB")).card.kind
        'recognizer'
    """
    chosen = checked_name(name, file)
    network = read_network_file(file)
    known = hints or ModelHints(source=f"added from {file.name}")
    known = replace(known, converted_from=network.converted_from)
    if role is None:
        return store.save(*import_model(network.data, chosen, known, where=str(file)))
    return store.save(*import_portrait_model(network.data, chosen, role.family, known, role.spec, where=str(file)))


def checked_name(name: str | None, file: Path) -> str:
    """The name that a model was given; without one, the name nearest to the file's.

    Raises:
        CardError: it is not a name, or the file's has no letter that a name may have.
    """
    return require_name(name or name_from(file.stem) or file.stem, "model", CardError, "choose one with --name NAME")


def needs_colour(file: Path) -> bool:
    """Whether only the owner can know the colour order that a file's network was trained with."""
    return recognize(read_network_file(file).data, str(file))[0] == EMBEDDING
