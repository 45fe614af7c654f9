"""Brings models of the catalogue into the store: resumes, verifies, and asks for the licence first.

Owns transfers and the catalogue. A file is used only when its sha256 is the catalogue's.
"""

import hashlib
import http.client
import tomllib
import urllib.error
import urllib.request
from importlib import resources
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import urlparse

from pydantic import ValidationError

from mien.errors import CardError, DownloadError, LicenceError, ModelNotFoundError
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import Name, Sha256, Strict
from mien.progress import OnProgress, Progress, no_progress

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte after which a transfer gives up; what has come is kept."""


class CatalogueEntry(Strict):
    """One model that can be pulled."""

    kind: Literal["recognizer", "detector"]
    family: Name
    summary: str
    url: str
    sha256: Sha256
    found: str
    """Where the address and the sha256 are on record."""
    licence: str
    commercial_use: bool
    training_data: str
    colour: Literal["RGB", "BGR"]
    mean: float
    scale: float


def read_catalogue(path: Path | None = None) -> dict[str, CatalogueEntry]:
    """The catalogue that ships with mien, or one of the user's own.

    Raises:
        CardError: malformed.
    """
    try:
        text = (path or resources.files("mien.library") / "catalogue.toml").read_text(encoding="utf-8")
        return {name: CatalogueEntry.model_validate(entry) for name, entry in tomllib.loads(text).items()}
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as reason:
        raise CardError(f"{path or 'the catalogue'} cannot be read as a catalogue: {reason}") from reason


def pull(
    name: str,
    *,
    accept_licence: bool = False,
    mirror: str | None = None,
    file: Path | None = None,
    catalogue: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> store.Model:
    """Bring a model into the store.

    Args:
        name: in the catalogue.
        accept_licence: needed for weights that may not be used commercially.
        mirror: take the file from this address, or from the folder of this address if it ends in a slash.
        file: take the file from disk.
        catalogue: another catalogue than the one that ships.
        on_progress: called with the bytes that have come, of all bytes where the server says how many.

    Raises:
        ModelNotFoundError: not in the catalogue.
        LicenceError: the licence was not accepted.
        DownloadError: the transfer failed, or gave other bytes.

    Example:
        >>> mien.pull_model("tiny-r50", catalogue=Path("catalogue.toml")).card.kind
        'recognizer'
    """
    entries = read_catalogue(catalogue)
    if name not in entries:
        raise ModelNotFoundError(f"the catalogue has no '{name}'; it has {', '.join(entries)}")
    entry = entries[name]
    if not entry.commercial_use and not accept_licence:
        raise LicenceError(f"{name}: {entry.licence}. If you may use it so, pull it with --accept-licence")
    data = _from_file(file, entry) if file else _download(name, entry, mirror, on_progress)
    hints = ModelHints(
        colour=entry.colour,
        mean=(entry.mean,) * 3,
        scale=(entry.scale,) * 3,
        licence=entry.licence,
        commercial_use=entry.commercial_use,
        training_data=entry.training_data,
        source=entry.url,
    )
    card, files = import_model(data, name, hints)
    return store.save(card.model_copy(update={"summary": entry.summary}), files)


def _from_file(path: Path, entry: CatalogueEntry) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise DownloadError(f"{path} cannot be read: {reason.strerror}") from reason
    _verify(hashlib.sha256(data).hexdigest(), entry, str(path))
    return data


def _verify(found: str, entry: CatalogueEntry, where: str) -> None:
    if found != entry.sha256:
        raise DownloadError(
            f"{where} has sha256 {found[:12]}..., the catalogue says {entry.sha256[:12]}...: it is another file, "
            "and it was not used"
        )


def _download(name: str, entry: CatalogueEntry, mirror: str | None, on_progress: OnProgress) -> bytes:
    address = _address(entry.url, mirror)
    folder = store.home() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}-{entry.sha256[:12]}.part"
    try:
        _fetch(address, partial, on_progress)
    except (OSError, http.client.HTTPException, ValueError) as reason:
        kept = partial.stat().st_size if partial.exists() else 0
        raise DownloadError(
            f"{address} cannot be fetched ({reason}); {kept} bytes are kept, and the same command continues "
            "from there. Another way: --mirror URL, or --file PATH with a file you have"
        ) from reason
    data = partial.read_bytes()
    try:
        _verify(hashlib.sha256(data).hexdigest(), entry, address)
    finally:
        partial.unlink()
    return data


def _address(url: str, mirror: str | None) -> str:
    address = url if mirror is None else mirror
    if address.endswith("/"):
        address += url.rsplit("/", 1)[-1]
    if urlparse(address).scheme not in ("http", "https"):
        raise DownloadError(f"{address} is not an http or https address; for a file on disk use --file")
    return address


def _fetch(address: str, partial: Path, on_progress: OnProgress) -> None:
    """Download into a file, from where it ends."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - the scheme was checked
    except urllib.error.HTTPError as reason:
        if start and reason.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it was complete already; its sha256 decides
        raise
    with answer:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        length = answer.headers.get("Content-Length")
        total = int(length) + (start if resumed else 0) if length else None
        with partial.open("ab" if resumed else "wb") as out:
            _copy(answer, out, start if resumed else 0, total, on_progress)
    if total is not None and partial.stat().st_size < total:
        raise OSError(f"the connection ended after {partial.stat().st_size} of {total} bytes")


def _copy(
    source: http.client.HTTPResponse, out: BinaryIO, done: int, total: int | None, on_progress: OnProgress
) -> None:
    # read1 gives what has come; read would wait for a whole chunk, and lose it when the server falls silent.
    while block := source.read1(CHUNK):
        out.write(block)
        done += len(block)
        on_progress(Progress(stage="pulling", done=done, total=total))
