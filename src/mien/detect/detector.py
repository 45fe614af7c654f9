"""The one detector interface, and opening a detector by its name or card."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mien.detect.boxes_only import LANDMARKER
from mien.detect.dlib_hog import DlibHog
from mien.detect.dlib_mmod import DlibMmod
from mien.detect.haar import Haar
from mien.detect.mtcnn import Mtcnn
from mien.detect.retinaface import RetinaFace
from mien.detect.rfb import Rfb
from mien.detect.scrfd import Scrfd
from mien.detect.ssd import Ssd
from mien.detect.yolo import YoloV3, YoloV5Face, YoloV7Face, YoloV8Boxes, YoloV8Face
from mien.detect.yunet import YuNet
from mien.errors import CardError
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.types import Faces, Image


class Detector(Protocol):
    """Finds faces.

    Attributes:
        name: for reports.
        longest: a picture larger than this along its longer side is shrunk by the detector anyway, so it
            may be decoded that small.
        min_score: of a face, where no other is asked for.
    """

    name: str
    longest: int
    min_score: float

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Find the faces of each image.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes.

        Returns:
            For each image its faces, best first, in that image's pixels; an empty tuple where there is none.
        """
        ...


FAMILIES: dict[str, Callable[..., Detector]] = {
    "scrfd": Scrfd,
    "yunet": YuNet,
    "mtcnn": Mtcnn,
    "retinaface": RetinaFace,
    "rfb": Rfb,
    "ssd": Ssd,
    "yolov3": YoloV3,
    "yolov5-face": YoloV5Face,
    "yolov7-face": YoloV7Face,
    "yolov8-face": YoloV8Face,
    "yolov8-boxes": YoloV8Boxes,
}
"""Detectors that are a network with a card: called with the model, the engine's options, and the min score."""

BUILT_IN = ("haar", "dlib-hog", "dlib-mmod")
"""Detectors that need no card."""


def open_detector(
    name_or_card: str = DEFAULT_DETECTOR, options: EngineOptions = DEFAULT_OPTIONS, min_score: float | None = None
) -> Detector:
    """Open a detector by its name in the model store, by the path of its card, or a built-in one.

    Args:
        name_or_card: which.
        options: of the engine.
        min_score: of a face; None takes the detector's own. Low ones are for judging detectors.

    Raises:
        ModelNotFoundError: no such model.
        CardError: the card names a recognizer, or does not fit its file.
        MissingExtraError: it needs a package that is not installed.
    """
    if name_or_card == "haar":
        return Haar(Mtcnn(store.load(LANDMARKER), options), min_score)
    if name_or_card == "dlib-hog":
        return DlibHog(min_score)
    if name_or_card == "dlib-mmod":
        return DlibMmod(min_score)
    model = store.load(name_or_card)
    if model.card.family not in FAMILIES:
        raise CardError(f"{model.card.name} is a {model.card.kind}, not a detector; see `mien models list`")
    return FAMILIES[model.card.family](model, options, min_score=min_score)
