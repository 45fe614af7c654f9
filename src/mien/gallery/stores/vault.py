"""How personal fields are written to a gallery: as they are, or encrypted with a key of their subject.

Personal are names, metadata, consent, embeddings, portraits and sources. Each value is bound to its gallery, row and
column, so that none can be put in the place of another. What a name is found by is a keyed hash of it. Encryption
itself is in sealed_vault.py.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from mien.types import Floats

EMBEDDING = "embedding"
"""The column of embeddings."""

Stored = bytes | str | None


class Opener(Protocol):
    """Reads and writes the values of some rows. One thread at a time; keys are forgotten with it."""

    def is_erased(self, subject: str) -> bool:
        """Whether nothing of a subject can be read any more."""
        ...

    def text(self, subject: str, row: str, column: str, stored: Stored) -> str | None:
        """A text as it was written."""
        ...

    def data(self, subject: str, row: str, column: str, stored: Stored) -> bytes | None:
        """Bytes as they were written."""
        ...

    def vectors(self, rows: Sequence[tuple[str, str, Stored]], dimension: int) -> Floats:
        """Embeddings, (N, D) float32, of rows of subject, template and what is stored; zeros for erased subjects.

        Raises:
            ValueError: one is not what was written.
        """
        ...

    def seal(self, subject: str, row: str, column: str, value: Stored) -> Stored:
        """A value as it is to be stored."""
        ...


class Vault(Protocol):
    """How one gallery keeps personal fields."""

    def opener(self) -> Opener:
        """For the rows of one query or one transaction."""
        ...

    def lookup(self, kind: str, text: str) -> str:
        """What a name, or the hash of a file, is found by."""
        ...

    def make(self, subject: str) -> None:
        """Give a new subject a key."""
        ...

    def sync(self) -> None:
        """Put new keys on disk."""
        ...

    def erase(self, subject: str) -> Literal["erased", "none"]:
        """Overwrite the key of a subject, or note that a sample is erased; it is done when this returns."""
        ...

    def erased(self) -> Set[str]:
        """Whose keys were erased when the keys were read."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class PlainVault:
    """Everything is stored as it is; see Vault and Opener."""

    def opener(self) -> PlainVault:
        """See Vault."""
        return self

    def is_erased(self, subject: str) -> bool:
        """See Opener."""
        return False

    def text(self, subject: str, row: str, column: str, stored: Stored) -> str | None:
        """See Opener."""
        if stored is not None and not isinstance(stored, str):
            raise TypeError(f"a {column} is not text")
        return stored

    def data(self, subject: str, row: str, column: str, stored: Stored) -> bytes | None:
        """See Opener."""
        if stored is not None and not isinstance(stored, bytes):
            raise TypeError(f"a part of a {column} is missing")
        return stored

    def vectors(self, rows: Sequence[tuple[str, str, Stored]], dimension: int) -> Floats:
        """See Opener."""
        import numpy as np

        stored = b"".join(row[2] for row in rows if isinstance(row[2], bytes))
        return np.frombuffer(stored, np.float32).reshape(len(rows), dimension)

    def seal(self, subject: str, row: str, column: str, value: Stored) -> Stored:
        """See Opener."""
        return value

    def lookup(self, kind: str, text: str) -> str:
        """See Vault."""
        return text

    def make(self, subject: str) -> None:
        """See Vault."""

    def sync(self) -> None:
        """See Vault."""

    def erase(self, subject: str) -> Literal["erased", "none"]:
        """See Vault."""
        return "none"

    def erased(self) -> Set[str]:
        """See Vault."""
        return frozenset()

    def close(self) -> None:
        """See Vault."""
