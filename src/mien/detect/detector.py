"""The one detector interface, and opening a detector by its name or card."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mien.detect.dlib_hog import DlibHog
from mien.detect.haar import Haar
from mien.detect.mtcnn import Mtcnn
from mien.detect.scrfd import Scrfd
from mien.detect.yunet import YuNet
from mien.errors import CardError
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.session import DEFAULT_OPTIONS, EngineOptions
from mien.types import Faces, Image


class Detector(Protocol):
    """Finds faces.

    Attributes:
        name: for reports.
        longest: a picture larger than this along its longer side is shrunk by the detector anyway, so it
            may be decoded that small.
    """

    name: str
    longest: int

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Find the faces of each image.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes.

        Returns:
            For each image its faces, best first, in that image's pixels; an empty tuple where there is none.
        """
        ...


FAMILIES: dict[str, Callable[[store.Model, EngineOptions], Detector]] = {
    "scrfd": Scrfd,
    "yunet": YuNet,
    "mtcnn": Mtcnn,
}
"""Detectors that are a network with a card."""

BUILT_IN = ("haar", "dlib-hog")
"""Detectors that need no card."""


def open_detector(name_or_card: str = DEFAULT_DETECTOR, options: EngineOptions = DEFAULT_OPTIONS) -> Detector:
    """Open a detector by its name in the model store, by the path of its card, or a built-in one.

    Raises:
        ModelNotFoundError: no such model.
        CardError: the card names a recognizer, or does not fit its file.
        MissingExtraError: it needs a package that is not installed.
    """
    if name_or_card == "haar":
        return Haar(Mtcnn(store.load(DEFAULT_DETECTOR), options))
    if name_or_card == "dlib-hog":
        return DlibHog()
    model = store.load(name_or_card)
    if model.card.family not in FAMILIES:
        raise CardError(f"{model.card.name} is a {model.card.kind}, not a detector; see `mien models list`")
    return FAMILIES[model.card.family](model, options)
