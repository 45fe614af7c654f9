"""The model store: one folder per model, with its card and its files. Owns where models are and how they get there.

A store never holds half a model: folders are complete or absent. Nothing is downloaded here.
"""

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mien.errors import CardError, ModelNotFoundError
from mien.models import compiled_cache, defaults
from mien.models.card import ModelCard, checked_card, format_card, read_card
from mien.models.folders import home as home
from mien.models.folders import models_folder as models_folder
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.session import Session, open_session
from mien.plain_names import is_name, require_name
from mien.whole_files import replaced_folder, write_whole_text

CARD = "card.toml"


@dataclass(frozen=True, slots=True)
class Model:
    """A card and the folder that holds its files."""

    card: ModelCard
    folder: Path

    def session(self, part: str = "model", options: EngineOptions = DEFAULT_OPTIONS) -> Session:
        """Open one of the model's files; see open_session."""
        return open_session(self.card, self.folder, part, options)


def names() -> list[str]:
    """The models in the store, and those that are made from packages when first used."""
    stored = {path.parent.name for path in models_folder().glob(f"[!.]*/{CARD}")}
    return sorted(stored | set(defaults.DEFAULTS))


def family(name: str) -> str:
    """The family of a model, by its card."""
    if is_stored(name):
        return read_card(folder_of(name) / CARD).family
    return defaults.shipped_card(name).family


def folder_of(name: str) -> Path:
    """Where the store keeps, or would keep, the model of this name; nothing else turns a name into a path.

    Raises:
        ModelNotFoundError: it is a path, or has other letters than names have.
    """
    remedy = "`mien models list` shows the names that there are"
    return models_folder() / require_name(name, "model", ModelNotFoundError, remedy)


def is_stored(name: str) -> bool:
    """Whether the store holds this model's card; a path is never stored."""
    return is_name(name) and (folder_of(name) / CARD).is_file()


def load(name_or_card: str) -> Model:
    """A model by its name in the store, or by the path of its card or of the folder that holds it.

    A default model is made from its package where the store does not hold it, or holds an earlier version's.

    Raises:
        ModelNotFoundError: no such model.
        CardError: its card is malformed.
    """
    path = Path(name_or_card)
    if path.suffix == ".toml" or (path.is_dir() and (path / CARD).is_file()):
        card_path = path / CARD if path.is_dir() else path
        return Model(read_card(card_path), card_path.parent)
    if is_stored(name_or_card):
        folder = folder_of(name_or_card)
        card = read_card(folder / CARD)
        return prepare(name_or_card) if defaults.is_former(card) else Model(_with_new_figures(card), folder)
    if name_or_card in defaults.DEFAULTS:
        return prepare(name_or_card)
    raise ModelNotFoundError(
        f"no model '{name_or_card}': the store has {', '.join(names())}; get one with `mien models pull`, "
        "or your own with `mien models add FILE`"
    )


def _with_new_figures(card: ModelCard) -> ModelCard:
    """The card with the figures that ship now, where those that it has came with an older version.

    Thresholds that the user measured have another protocol and stay.
    """
    if not defaults.has_shipped_card(card.name):
        return card
    shipped = defaults.shipped_card(card.name)
    ours = {row.protocol for row in shipped.thresholds}
    if (
        not card.thresholds
        or card.embedding != shipped.embedding
        or {row.protocol for row in card.thresholds} != ours
    ):
        return card
    return card.with_figures_of(shipped)


def prepare(name: str) -> Model:
    """Make a default model from its package and put it into the store."""
    card, files = defaults.build(name)
    return save(card, files)


def save(card: ModelCard, files: Mapping[str, bytes]) -> Model:
    """Put a model into the store, in place of one of the same name.

    Args:
        card: whose `files` have the sha256 of the bytes.
        files: the bytes by the card's part names.

    Raises:
        CardError: bytes and card do not agree.
    """
    place = folder_of(card.name)
    with replaced_folder(place) as scratch:
        write(card, files, scratch)
    return Model(card, place)


def write(card: ModelCard, files: Mapping[str, bytes], folder: Path) -> None:
    """Write a card and its files into a folder.

    Raises:
        CardError: bytes and card do not agree.
    """
    for part, file in card.files.items():
        if hashlib.sha256(files[part]).hexdigest() != file.sha256:
            raise CardError(f"the bytes of {file.path} do not have the sha256 of the card of {card.name}")
    checked_card(card, f"the card of {card.name}")
    for part, file in card.files.items():
        (folder / file.path).write_bytes(files[part])
    (folder / CARD).write_text(format_card(card), encoding="utf-8")


def rewrite_card(model: Model, card: ModelCard) -> Model:
    """Replace the card of a stored model in one step.

    Raises:
        CardError: the card could not be read again.
    """
    checked_card(card, f"the new card of {card.name}")
    write_whole_text(model.folder / CARD, format_card(card))
    return Model(card, model.folder)


def remove(name: str) -> None:
    """Take a model out of the store.

    Raises:
        ModelNotFoundError: it is not in the store, or it is a path: nothing outside of the store is removed.

    Example:
        >>> mien.remove_model("my-r50")
        >>> "my-r50" in [model.name for model in mien.list_models()]
        False
    """
    folder = folder_of(name)
    if not is_stored(name):
        raise ModelNotFoundError(f"no model '{name}' in the store; `mien models list` shows what there is")
    _forget_compiled(folder)
    if folder.is_symlink():
        folder.unlink()  # what it points to is not the store's
        return
    shutil.rmtree(folder)


def _forget_compiled(folder: Path) -> None:
    """Remove what engines compiled from a model; its card may be damaged, and it goes all the same."""
    with suppress(CardError):
        for file in read_card(folder / CARD).files.values():
            compiled_cache.forget(file.sha256)
