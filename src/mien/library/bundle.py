"""A bundle: models of the store in one file, with cards, licences and checksums, for a machine without a network.

A bundle is a zip archive: bundle.json (its format, and the sha256 of every file) and one folder for each model, as it
is in the store. Nothing of a bundle is used before all checksums agree.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mien.errors import CardError, ModelNotFoundError
from mien.models import store
from mien.models.archives import member, opened
from mien.models.card import ModelCard, format_card, parse_card
from mien.models.session import open_session
from mien.whole_files import whole_file

MANIFEST, FORMAT = "bundle.json", "mien bundle 1"

HEAD = 30 + len(MANIFEST)
"""Bytes of a zip archive up to the end of its first member's name."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What a bundle was made of.

    Attributes:
        file: the bundle.
        models: names of the models in it.
        size: bytes.
    """

    file: Path
    models: tuple[str, ...]
    size: int


def bundle_models(file: Path, names: Sequence[str]) -> Bundled:
    """Pack models of the store into one file.

    Args:
        file: the bundle; an existing one is replaced when the new one is whole.
        names: which; those that are made from packages are made first.

    Raises:
        ModelNotFoundError: the store has no model of a name.
        CardError: a model's file is damaged.

    Example:
        >>> mien.bundle_models(Path("models.zip"), ["mtcnn"]).models
        ('mtcnn',)
    """
    parts: dict[str, bytes] = {}
    for name in dict.fromkeys(names):
        parts |= _parts(store.load(name))
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in parts.items()}
    about = json.dumps({"format": FORMAT, "sha256": digests}, indent=1)
    with whole_file(file) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, about)
        for path, data in parts.items():
            archive.writestr(path, data)
    return Bundled(file, tuple(dict.fromkeys(names)), file.stat().st_size)


def _parts(model: store.Model) -> dict[str, bytes]:
    card = model.card
    parts = {f"{card.name}/{store.CARD}": format_card(card).encode()}
    for file in card.files.values():
        data = (model.folder / file.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise CardError(f"{model.folder / file.path} is damaged: `mien models verify {card.name}` says how")
        parts[f"{card.name}/{file.path}"] = data
    return parts


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle, by the name of its list of checksums, which it begins with.

    A bundle that is cut or damaged is one, so that it is refused as such.
    """
    try:
        with path.open("rb") as stream:
            return MANIFEST.encode() in stream.read(HEAD)
    except OSError:
        return False


class OpenBundle:
    """A bundle whose checksums agree.

    Args:
        path: the file.

    Raises:
        CardError: not a bundle, of another version, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts = _read(path)
        names = dict.fromkeys(part.split("/")[0] for part in self._parts if part.endswith(f"/{store.CARD}"))
        self.names = tuple(names)
        """Of the models in it."""

    def install(self, name: str) -> store.Model:
        """Put one of its models into the store.

        Raises:
            ModelNotFoundError: it is not in the bundle.
            CardError: its card and its files do not belong together; the store is left as it was.
        """
        if name not in self.names:
            raise ModelNotFoundError(f"{self.path} has no '{name}'; it has {', '.join(self.names)}")
        where = f"{name}/{store.CARD} in {self.path}"
        try:
            card = parse_card(self._parts[f"{name}/{store.CARD}"].decode(), where)
        except UnicodeDecodeError as reason:
            raise CardError(f"{where} is not UTF-8 text; make the bundle again") from reason
        if card.name != name:
            raise CardError(f"{self.path} keeps the card of {card.name} under {name}; make the bundle again")
        files = self._files(card)
        with TemporaryDirectory() as scratch:
            store.write(card, files, Path(scratch))
            for part in card.files:
                open_session(card, Path(scratch), part)
        return store.save(card, files)

    def _files(self, card: ModelCard) -> Mapping[str, bytes]:
        paths = {part: f"{card.name}/{file.path}" for part, file in card.files.items()}
        missing = [path for path in paths.values() if path not in self._parts]
        if missing:
            raise CardError(f"{self.path} lacks {missing[0]}; make the bundle again")
        return {part: self._parts[path] for part, path in paths.items()}


def _read(path: Path) -> dict[str, bytes]:
    again = "make it again with `mien models bundle`"
    with opened(path, str(path), CardError, again) as archive:
        about = json.loads(member(archive, MANIFEST))
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise CardError(f"{path} is a bundle of another version of mien; {again}")
        parts = {str(name): member(archive, str(name)) for name in about["sha256"]}
    for name, digest in about["sha256"].items():
        if hashlib.sha256(parts[name]).hexdigest() != digest:
            raise CardError(f"{name} in {path} is damaged; {again}")
    return parts
