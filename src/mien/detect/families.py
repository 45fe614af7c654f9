"""Every family of detectors, in one table, and opening a detector by its name or card.

A new family is one object in its own file and one name in this table: importing its files, `--detector`, lists,
surveys and messages follow from it.
"""

from mien.detect.detector import BuiltInFamily, Detector, DetectorFamily, NetworkFamily, OutputShapes
from mien.detect.dlib_hog import DLIB_HOG
from mien.detect.dlib_mmod import DLIB_MMOD
from mien.detect.haar import HAAR
from mien.detect.mtcnn import MTCNN
from mien.detect.retinaface import RETINAFACE
from mien.detect.rfb import RFB
from mien.detect.scrfd import SCRFD
from mien.detect.ssd import SSD
from mien.detect.yolo import YOLO_V3, YOLO_V5_FACE, YOLO_V7_FACE, YOLO_V8_BOXES, YOLO_V8_FACE
from mien.detect.yunet import YUNET
from mien.errors import CardError
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.store import Model

FAMILIES: dict[str, DetectorFamily] = {
    family.name: family
    for family in (
        SCRFD,
        YUNET,
        MTCNN,
        RETINAFACE,
        RFB,
        SSD,
        YOLO_V5_FACE,
        YOLO_V7_FACE,
        YOLO_V3,
        YOLO_V8_FACE,
        YOLO_V8_BOXES,
        HAAR,
        DLIB_HOG,
        DLIB_MMOD,
    )
}
"""In the order in which they are tried on the outputs of a file."""


def network_families() -> dict[str, NetworkFamily]:
    """The families whose models have cards, by name."""
    return {name: family for name, family in FAMILIES.items() if isinstance(family, NetworkFamily)}


def built_in() -> dict[str, BuiltInFamily]:
    """The families that need no card, by name."""
    return {name: family for name, family in FAMILIES.items() if isinstance(family, BuiltInFamily)}


def recognize_family(outputs: OutputShapes) -> NetworkFamily | None:
    """The family of a network by the shapes of its outputs; None where no family has such outputs."""
    return next((family for family in network_families().values() if family.recognizes(outputs)), None)


def open_detector(
    name_or_card: str = DEFAULT_DETECTOR, options: EngineOptions = DEFAULT_OPTIONS, min_score: float | None = None
) -> Detector:
    """Open a detector by its name in the model store, by the path of its card, or a built-in one.

    Args:
        name_or_card: which.
        options: of the engine.
        min_score: of a face; None takes the detector's own. Low ones are for measuring detectors.

    Raises:
        ModelNotFoundError: no such model.
        CardError: the card names a recognizer, or does not fit its file.
        MissingExtraError: it needs a package that is not installed.
    """
    family = FAMILIES.get(name_or_card)
    if isinstance(family, BuiltInFamily):
        return family.opener(options, min_score)
    return open_model(store.load(name_or_card), options, min_score)


def open_model(model: Model, options: EngineOptions = DEFAULT_OPTIONS, min_score: float | None = None) -> Detector:
    """Open a detector that has a card; see open_detector."""
    card, networks = model.card, network_families()
    if card.kind != "detector":
        raise CardError(f"{card.name} is a {card.kind}, not a detector; see `mien models list`")
    if card.family not in networks:
        raise CardError(f"{card.name} is of the family '{card.family}'; mien knows {', '.join(networks)}")
    return networks[card.family].open(model, options, min_score)
