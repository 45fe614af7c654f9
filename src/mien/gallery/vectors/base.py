"""What a gallery asks of a database that keeps its vectors: vectors by opaque ids, and the nearest to a query.

Nothing else goes out. Names, portraits, consent, metadata and keys stay in the gallery file, which is the truth about
who is enrolled: ids that it does not have count for nothing. Several galleries may share a database.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mien.progress import OnProgress, no_progress
from mien.types import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """What may be nearest to one query.

    Attributes:
        ids: of samples, in no certain order.
        vectors: (N, D) float32, theirs.
    """

    ids: list[str]
    vectors: Floats


class VectorStore(Protocol):
    """The vectors of one gallery and one recognizer in a database. Safe to call from several threads.

    It connects when it is first asked for something. Methods raise GalleryError where the database cannot be reached
    or refuses; after that the next call tries again.
    """

    @property
    def address(self) -> str:
        """Where the database is, without a password."""
        ...

    def put(self, ids: Sequence[str], vectors: Floats) -> None:
        """Keep vectors, (N, D) float32, in place of former ones of these ids; durable when it returns."""
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Remove vectors, so that nobody finds them; ids that are not there are ignored."""
        ...

    def get(self, ids: Sequence[str]) -> Floats:
        """(N, D) float32 bit by bit as they were put, in the order of the ids; NaN for one that is not there."""
        ...

    def ids(self, *, older_than: float = 0) -> Iterator[list[str]]:
        """All ids in order, in blocks.

        Args:
            older_than: seconds since they were put.
        """
        ...

    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def efforts(self) -> tuple[int, ...]:
        """Templates that an approximate search may weigh up, from few to many; none where every search is exact."""
        ...

    @property
    def safe_effort(self) -> int | None:
        """The effort of searches whose recall is not known, or too low at each one; None: the answers are proven."""
        ...

    def nearest(self, queries: Floats, count: int, *, effort: int | None) -> list[Near]:
        """Candidates for the nearest vectors of each query.

        Args:
            queries: (Q, D) float32.
            count: how many are wanted; more come, so that they can be put in order by their vectors.
            effort: one of `efforts`: most of the nearest `count` are among them; see Recall. None: all of them are.
        """
        ...

    def loading(self, on_progress: OnProgress = no_progress) -> AbstractContextManager[None]:
        """While many vectors are put at once. Where that is stopped, searches stay right and may be slow.

        Args:
            on_progress: called while an index is built at the end, every second; where it raises, that is stopped.
        """
        ...

    def compact(self) -> str:
        """Give back the room of removed vectors as far as the database can; say in a sentence how far."""
        ...

    def close(self) -> None:
        """End its connections."""
        ...
