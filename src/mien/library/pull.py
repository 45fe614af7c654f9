"""Brings models of the catalogue into the store: from the network, a folder or a bundle; asks for the licence first.

A file is used only when its checksum is the catalogue's. A card that ships with mien for a model of the catalogue
brings its measured thresholds along when the file gives the card's golden vector; else they are dropped, and said so.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mien.errors import CardError, DownloadError, LicenceError, ModelError, ModelNotFoundError
from mien.library import transfer
from mien.library.bundle import OpenBundle, is_bundle
from mien.library.catalogue import CatalogueEntry, SourceFile, read_catalogue
from mien.library.import_model import ModelHints, import_model, import_portrait_model
from mien.models import store
from mien.models.card import ModelCard
from mien.models.defaults import has_shipped_card, shipped_card
from mien.models.golden import cosine
from mien.models.network_file import read_network_file
from mien.progress import OnProgress, no_progress
from mien.settings import parse, user_file, write_setting

SAME_WEIGHTS = 0.9999
"""Min cosine between the golden vectors of a file and of the shipped card for the card's figures to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A model that has come.

    Attributes:
        model: in the store.
        remark: a sentence where the shipped card's figures do not hold for the file; else empty.
    """

    model: store.Model
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledSet:
    """The recommended models.

    Attributes:
        models: those that have come, in their order.
        missing: those that could not be had, with the reason.
        defaults: settings that were changed, with their new values.
    """

    models: tuple[Pulled, ...]
    missing: dict[str, str]
    defaults: dict[str, str]


def pull(
    name: str,
    *,
    accept_licence: bool = False,
    mirror: str | None = None,
    origin: Path | None = None,
    catalogue: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> Pulled:
    """Bring a model into the store.

    Args:
        name: in the catalogue.
        accept_licence: needed for weights that may not be used commercially.
        mirror: take the file from this address, or from the folder of this address if it ends in a slash.
        origin: take it from this folder, bundle or file instead of the network.
        catalogue: another catalogue than the one that ships.
        on_progress: called with the bytes that have come, of all bytes where the server says how many.

    Raises:
        ModelNotFoundError: not in the catalogue.
        LicenceError: the licence was not accepted.
        DownloadError: the transfer failed, or gave other bytes.
        CardError: the file does not hold the network that the catalogue says.

    Example:
        >>> mien.pull_model("tiny-r50", catalogue=Path("catalogue.toml")).model.card.kind
        'recognizer'
    """
    if origin is not None and is_bundle(origin):
        return Pulled(model=OpenBundle(origin).install(name))
    entry = entry_of(name, origin, catalogue)
    if entry.commercial == "no" and not accept_licence:
        raise LicenceError(f"{name}: {entry.licence}. If you may use it so, pull it with --accept-licence")
    files = _from_disk(name, entry, origin) if origin else _from_network(name, entry, mirror, on_progress)
    return _add(name, entry, files)


def entry_of(name: str, origin: Path | None = None, catalogue: Path | None = None) -> CatalogueEntry:
    """The catalogue's entry of a model that is to be pulled.

    Raises:
        ModelNotFoundError: there is none; the message says so of a file that was to be a bundle, too.
    """
    try:
        return read_catalogue(catalogue).entry(name)
    except ModelNotFoundError as reason:
        if origin is None or not origin.is_file():
            raise
        raise ModelNotFoundError(f"{origin} is not a bundle of models, or is damaged, and {reason}") from reason


def pull_recommended(
    *,
    origin: Path | None = None,
    catalogue: Path | None = None,
    settings: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> PulledSet:
    """Bring the recommended models into the store, and make them the default in the user's settings.

    Args:
        origin: take those that are in this folder or bundle from there; the others come from the network.
        catalogue: another catalogue than the one that ships.
        settings: the file of settings that is changed; None takes the user's own. A setting is changed where all
            models that it names have come.
        on_progress: called with the bytes that have come.

    Raises:
        DownloadError: none of them can be had, and no setting was changed.

    Example:
        >>> done = mien.pull_recommended(catalogue=Path("catalogue.toml"), settings=Path("own.toml"))
        >>> done.defaults
        {'recognizer': 'tiny-r50'}
    """
    known = read_catalogue(catalogue)
    if known.recommended is None:
        raise DownloadError("this catalogue recommends nothing; pull a model by its name")
    pulled: dict[str, Pulled] = {}
    missing: dict[str, str] = {}
    for name in known.recommended.models:
        try:
            pulled[name] = _pull_anywhere(name, origin, catalogue, on_progress)
        except ModelError as reason:
            missing[name] = str(reason)
    if not pulled:
        raise DownloadError("; ".join(missing.values()))
    defaults = {
        setting: value
        for setting, value in known.recommended.settings.items()
        if not missing.keys() & set(value.split(","))
    }
    path = settings or user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    for setting, value in defaults.items():
        write_setting(path, setting, parse(setting, value, str(catalogue or "the catalogue")))
    return PulledSet(models=tuple(pulled.values()), missing=missing, defaults=defaults)


def _pull_anywhere(name: str, origin: Path | None, catalogue: Path | None, on_progress: OnProgress) -> Pulled:
    """From the folder or bundle if it is there, else from the network; where both fail, both reasons."""
    if origin is None:
        return pull(name, catalogue=catalogue, on_progress=on_progress)
    try:
        return pull(name, origin=origin, catalogue=catalogue)
    except (DownloadError, ModelNotFoundError) as here:
        try:
            return pull(name, catalogue=catalogue, on_progress=on_progress)
        except DownloadError as there:
            raise DownloadError(f"{here}. {there}") from there


def _add(name: str, entry: CatalogueEntry, files: dict[str, bytes]) -> Pulled:
    """Turn the files into a model with a card."""
    with _as_files(files) as path:
        network, where = read_network_file(path), f"{path.name} of {name}"
    hints = ModelHints(
        colour=entry.input.colour,
        mean=(entry.input.mean,) * 3,
        scale=(entry.input.scale,) * 3,
        metric=entry.embedding.metric if entry.embedding else "cosine",
        mirror=bool(entry.embedding and entry.embedding.mirror),
        template=entry.embedding.template if entry.embedding else "arcface",
        licence=entry.licence,
        commercial_use={"yes": True, "no": False, "disputed": True}[entry.commercial],
        training_data=entry.training_data,
        source=entry.record,
        converted_from=network.converted_from,
    )
    if entry.expert is None:
        card, parts = import_model(network.data, name, hints, where=where)
    else:
        card, parts = import_portrait_model(network.data, name, entry.family, hints, entry.expert, where=where)
    if (card.kind, card.family) != (entry.kind, entry.family):
        raise CardError(f"{name} holds a {card.kind} of the family {card.family}, the catalogue says {entry.family}")
    card = card.model_copy(update={"summary": entry.summary})
    measured, remark = _with_figures(card)
    return Pulled(model=store.save(measured, parts), remark=remark)


def _with_figures(card: ModelCard) -> tuple[ModelCard, str]:
    """The card with the figures of the one that ships, where the file is the one that was measured."""
    if not has_shipped_card(card.name):
        return card, ""
    shipped = shipped_card(card.name)
    same_use = card.embedding == shipped.embedding and card.input == shipped.input
    likeness = min(cosine(shipped.golden[part], card.golden[part]) for part in card.golden) if same_use else 0.0
    if likeness >= SAME_WEIGHTS:
        return card.with_figures_of(shipped), ""
    return card, (
        f"{card.name} came with other weights than those that were measured (cosine {likeness:.4f} of its golden "
        f"vector, {SAME_WEIGHTS} wanted), so it has no thresholds: measure them with `mien evaluate calibrate FOLDER "
        f"--recognizer {card.name} --card`"
    )


def _from_network(name: str, entry: CatalogueEntry, mirror: str | None, on_progress: OnProgress) -> dict[str, bytes]:
    source = next((one for one in entry.sources if all(file.fetchable for file in one)), None)
    if source is None:
        raise DownloadError(
            f"{name} cannot be fetched: no address with a checksum is on record ({entry.record}). Get the file there "
            "and use --from FOLDER, or `mien models add FILE` where the catalogue has no checksum"
        )
    downloads = store.home() / "downloads"
    return {file.name: transfer.fetch(file, downloads, mirror=mirror, on_progress=on_progress) for file in source}


def _from_disk(name: str, entry: CatalogueEntry, origin: Path) -> dict[str, bytes]:
    """The files of the first source that is there whole: by their names, or a single file as it was given."""
    for source in entry.sources:
        paths = [_find(file, origin) for file in source]
        if all(path is not None for path in paths):
            return {file.name: _checked(path, file) for file, path in zip(source, paths, strict=True) if path}
    wanted = " or ".join(dict.fromkeys(" and ".join(file.name for file in source) for source in entry.sources))
    if not wanted:
        raise DownloadError(f"{name} has no file on record; add yours with `mien models add FILE --name {name}`")
    raise DownloadError(f"{origin} does not hold {name}: copy {wanted} there. On record: {entry.record}")


def _find(file: SourceFile, origin: Path) -> Path | None:
    """Where a file of a source is: in the folder under its name, in a wheel there, or the file under another name."""
    if not origin.is_dir():
        return origin if origin.is_file() else None
    wheels = sorted(origin.glob(_wheel(file))) if file.package else []
    named = next((path for path in (origin / file.name, *wheels) if path.is_file()), None)
    return named or next((path for path in sorted(origin.iterdir()) if _is_same(path, file)), None)


def _is_same(path: Path, file: SourceFile) -> bool:
    """Whether a file that somebody renamed is the one of the catalogue; only files of its size are read."""
    if file.size is None or not path.is_file() or path.stat().st_size != file.size:
        return False
    return transfer.agrees(path.read_bytes(), file)


def _wheel(file: SourceFile) -> str:
    package, _, version = str(file.package).partition("==")
    return f"{package.replace('-', '_')}-{version}-*.whl"


def _checked(path: Path, file: SourceFile) -> bytes:
    try:
        archive = file.member is not None and path.suffix in (".whl", ".zip")
        data = transfer.member_of(path, file) if archive else path.read_bytes()
    except OSError as reason:
        raise DownloadError(f"{path} cannot be read: {reason.strerror}") from reason
    transfer.check(data, file, str(path))
    return data


@contextmanager
def _as_files(files: dict[str, bytes]) -> Iterator[Path]:
    """The files in a scratch folder; gives the one that names the network."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in files.items():
            (Path(scratch) / name).write_bytes(data)
        first = next((name for name in files if not name.endswith(".bin")), next(iter(files)))
        yield Path(scratch) / first
