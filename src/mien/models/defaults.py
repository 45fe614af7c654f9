"""The models that come with mien and with packages: where their weights are, and how they become ONNX with a card.

The cards' measured parts (golden vectors, thresholds, accuracy) ship with mien under cards/; the files are made
from the packages, or taken from weights/, on first use. The packages are located, never imported, and what converts
their weights is imported only then.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata, resources
from pathlib import Path

from mien.errors import CardError, MissingExtraError
from mien.models.card import ModelCard, ModelFile, parse_card
from mien.models.options import DEFAULT_DETECTOR as DEFAULT_DETECTOR
from mien.models.options import DEFAULT_RECOGNIZER as DEFAULT_RECOGNIZER
from mien.plain_names import is_name

OURS = Path(__file__).resolve().parent.parent
"""The folder of mien's package."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """A weight file inside a package."""

    path: str
    sha256: str
    convert: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Default:
    """A model that is made from a package: the package, and its weight files by part."""

    package: str
    parts: dict[str, _Weights]


def _convert_mtcnn(name: str, data: bytes) -> bytes:
    from mien.models import mtcnn_nets

    return mtcnn_nets.convert(name, data)


def _convert_dlib(data: bytes) -> bytes:
    from mien.models import dlib_resnet

    return dlib_resnet.convert(data)


OWN = "mien"
"""The package of models that mien ships itself, as ONNX."""

DEFAULTS = {
    "mtcnn": _Default(
        "mtcnn",
        {
            name: _Weights(f"mtcnn/assets/weights/{name}.lz4", sha256, partial(_convert_mtcnn, name))
            for name, sha256 in (
                ("pnet", "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5"),
                ("rnet", "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee"),
                ("onet", "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3"),
            )
        },
    ),
    "dlib-resnet": _Default(
        "face_recognition_models",
        {
            "model": _Weights(
                "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
                "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                _convert_dlib,
            )
        },
    ),
    "mien-face": _Default(
        OWN,
        {
            "model": _Weights(
                "models/weights/mien-face.onnx",
                "8b3c5beea3d8d7dedfe5c5175f6a2f8b8141513c98806d202fc89f4dc6b37778",
                bytes,
            )
        },
    ),
    "mien-r29": _Default(
        OWN,
        {
            "model": _Weights(
                "models/weights/mien-r29.onnx",
                "5e1f3a64d64849d36374ee30c1275e984b3a505bf4d8fed7906a240ad9890819",
                bytes,
            )
        },
    ),
}


FORMER_WEIGHTS = {"mien-face": ("9566ef4ed78b7e1e6110be93fe5a79c1d191625c5839e4a2c9ecc5d430c56fb5",)}
"""The sha256 of weights that earlier versions shipped under the name of a default model, the newest last."""


def is_former(card: ModelCard) -> bool:
    """Whether a stored card is of a default model as an earlier version shipped it, whose weights are no longer
    those that were measured; a model that a user put in its place is not."""
    former = FORMER_WEIGHTS.get(card.name, ())
    return any(file.converted_from in former for file in card.files.values())


def build(name: str) -> tuple[ModelCard, dict[str, bytes]]:
    """Make a default model.

    Returns:
        Its card, and the bytes of its files by part.

    Raises:
        MissingExtraError: its package is not installed.
        CardError: the package holds other weights than the ones that were measured.
    """
    default = DEFAULTS[name]
    sources = {part: read_weights(default.package, weights) for part, weights in default.parts.items()}
    files = {part: default.parts[part].convert(data) for part, data in sources.items()}
    made = {
        part: ModelFile(
            path=f"{part}.onnx",
            sha256=hashlib.sha256(data).hexdigest(),
            converted_from=default.parts[part].sha256,
        )
        for part, data in files.items()
    }
    return shipped_card(name).model_copy(update={"files": made}), files


def shipped_card(name: str) -> ModelCard:
    """The card of a model as it ships: measured, with no files yet."""
    text = resources.files("mien.models").joinpath("cards", f"{name}.toml").read_text(encoding="utf-8")
    return parse_card(text, f"the shipped card of {name}")


def has_shipped_card(name: str) -> bool:
    """Whether mien ships a card with measured figures for a model of this name."""
    return is_name(name) and resources.files("mien.models").joinpath("cards", f"{name}.toml").is_file()


def package_file(package: str, path: str) -> Path:
    """A file of an installed package, found without importing it.

    Raises:
        MissingExtraError: the package is not installed, or lacks the file.
    """
    try:
        found = Path(str(metadata.distribution(package).locate_file(path))) if package != OWN else OURS / path
    except metadata.PackageNotFoundError:
        found = None
    if found is None or not found.is_file():
        raise MissingExtraError(f"{path} is missing: pip install --force-reinstall {package}")
    return found


def read_weights(package: str, weights: _Weights) -> bytes:
    """The bytes of a weight file, whose sha256 is the one that was measured."""
    path = package_file(package, weights.path)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != weights.sha256:
        raise CardError(
            f"{path} has sha256 {found[:12]}..., and the measured weights have {weights.sha256[:12]}...: "
            f"pip install --force-reinstall {package}"
        )
    return data
