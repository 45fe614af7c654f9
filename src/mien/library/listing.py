"""What models there are: in the store, in packages, built into others' libraries, and in the catalogue.

Reads cards and tables; opens no model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.detect.detector import BuiltInFamily
from mien.detect.families import FAMILIES, built_in, network_families
from mien.errors import ModelError
from mien.library.catalogue import CatalogueEntry, read_catalogue
from mien.models import store
from mien.models.defaults import shipped_card

READY, ON_FIRST_USE, BUILT_IN = "ready", "made from a package on first use", "built in"
DAMAGED, CAN_BE_PULLED = "damaged", "can be pulled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """One line of the list of models.

    Attributes:
        name: by which verbs take it.
        kind: recognizer, detector, ...; empty where its card cannot be read.
        state: one of the states above.
        licence: of the weights.
        summary: what it is; of a damaged model, what is wrong.
    """

    name: str
    kind: str
    state: str
    licence: str
    summary: str


def list_models(catalogue: Path | None = None) -> list[ListedModel]:
    """Every model that can be named: stored, made from packages, built in, then those that can be pulled.

    Args:
        catalogue: another catalogue than the one that ships.

    Raises:
        CardError: the catalogue cannot be read.

    Example:
        >>> {model.name: model.kind for model in mien.list_models()}["mtcnn"]
        'detector'
    """
    stored = store.names()
    return [*map(_stored, stored), *_built_in(), *_in_catalogue(catalogue, stored)]


def _stored(name: str) -> ListedModel:
    ready = store.is_stored(name)
    try:
        card = store.load(name).card if ready else shipped_card(name)
    except ModelError as reason:
        return ListedModel(name=name, kind="", state=DAMAGED, licence="", summary=str(reason))
    family = FAMILIES.get(card.family)
    summary = f"{card.summary} (legacy)" if family is not None and family.legacy else card.summary
    state = READY if ready else ON_FIRST_USE
    return ListedModel(name=name, kind=card.kind, state=state, licence=card.licence, summary=summary)


def _built_in() -> Iterator[ListedModel]:
    for name, family in built_in().items():
        yield ListedModel(name=name, kind="detector", state=BUILT_IN, licence=family.licence, summary=family.label)


def _in_catalogue(path: Path | None, stored: list[str]) -> Iterator[ListedModel]:
    for name, entry in read_catalogue(path).models.items():
        if name not in stored:
            yield ListedModel(
                name=name, kind=entry.kind, state=CAN_BE_PULLED, licence=entry.licence, summary=entry.summary
            )


def find_model(name: str) -> store.Model | CatalogueEntry | BuiltInFamily:
    """What is known of a model: the stored one with its card, its entry in the catalogue, or a built-in detector.

    Raises:
        ModelNotFoundError: no model has this name.
    """
    if name in built_in():
        return built_in()[name]
    catalogue = read_catalogue().models
    if name in catalogue and not store.is_stored(name):
        return catalogue[name]
    return store.load(name)


def detectors() -> list[str]:
    """Names of the detectors in the store and of those that need no card."""
    families = network_families()
    return [*(name for name in store.names() if store.family(name) in families), *built_in()]
