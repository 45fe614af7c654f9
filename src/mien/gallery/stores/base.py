"""What a gallery asks of its store: who is enrolled, with which vectors and portraits, durable and erasable.

A store is the truth on disk, or in a database; an index is rebuilt from it. It compares nothing and knows no network.
Subjects and samples are spoken of by their ids; `find` looks up names. Names come in canonical form (see
mien.data.sample) and are stored as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self

from mien.errors import ContractError
from mien.gallery.profiles import Profile
from mien.gallery.records import (
    Changes,
    Erasure,
    GallerySettings,
    Identity,
    KeptDoubt,
    NewTemplate,
    Owner,
    Portrait,
    SampleRow,
    SubjectRow,
)

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids, Index
    from mien.types import Floats


class Store(Protocol):
    """One open gallery. Safe to call from several threads, which read side by side; several processes may read and
    write at once.

    Every write is one transaction: it has happened as a whole, and is durable, when the method returns, or it has
    not happened at all. Methods raise GalleryError where the store cannot be read or written.
    """

    identity: Identity
    """Which embeddings the gallery held when it was opened."""

    @property
    def id(self) -> str:
        """The id of the gallery, which never changes."""
        ...

    @property
    def is_encrypted(self) -> bool:
        """Whether personal fields are encrypted with a key of their subject."""
        ...

    @property
    def address(self) -> str:
        """What a user types to open it: a path, or an address with a scheme."""
        ...

    @classmethod
    def exists(cls, address: str) -> bool:
        """Whether there is something at this address, a gallery or not."""
        ...

    @classmethod
    def create(cls, address: str, identity: Identity) -> Self:
        """Make a new gallery, or open an existing one of the same embeddings.

        Raises:
            ContractError: it holds another model's embeddings.
            GalleryError: it cannot be made.
        """
        ...

    @classmethod
    def open(cls, address: str) -> Self:
        """Open an existing gallery.

        Raises:
            GalleryError: there is none, or it is not a gallery.
        """
        ...

    def close(self) -> None:
        """Give back what it holds; the store cannot be used after that."""
        ...

    def current_identity(self) -> Identity:
        """Which embeddings it holds now; another process may have changed the model."""
        ...

    def is_current(self) -> bool:
        """Whether another process has left the model, the encryption and the place of the vectors as they were."""
        ...

    def settings(self) -> GallerySettings:
        """What holds for all subjects."""
        ...

    def change_settings(self, settings: GallerySettings) -> None:
        """Put other settings in the place of the former ones; what is kept already stays."""
        ...

    def find(self, name: str) -> list[SubjectRow]:
        """The subjects of this name, in the order in which they were made."""
        ...

    def subject(self, subject: str) -> SubjectRow:
        """One subject by its id.

        Raises:
            SubjectNotFoundError: there is no such subject.
        """
        ...

    def subjects(self) -> list[SubjectRow]:
        """All subjects by name."""
        ...

    def create_subject(self, profile: Profile) -> SubjectRow:
        """Make a subject without samples, whether or not others have the same name."""
        ...

    def change_subject(self, subject: str, change: Callable[[Profile], Profile]) -> SubjectRow:
        """Put a profile in the place of the former one, and erase the traces of that.

        A former name is also taken out of the paths that samples were enrolled from.

        Args:
            subject: its id.
            change: makes the profile of the former one, within the transaction, so that no change of another thread
                or process is lost; what it raises changes nothing.

        Raises:
            SubjectNotFoundError: there is no such subject.
        """
        ...

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """Enrol templates in one transaction.

        Portraits are kept as the settings say.

        Returns:
            Their numbers, which increase and are never used twice; None for one whose source is already enrolled for
            its subject.

        Raises:
            SubjectNotFoundError: there is no such owner.
            GalleryError: two subjects have the name, or the settings require a consent that the subject lacks;
                nothing was enrolled.
        """
        ...

    def remove(self, subject: str) -> Erasure:
        """Erase a subject by its id for good: profile, vectors, portraits, and their traces (see erase_traces).

        Raises:
            SubjectNotFoundError: there is no such subject.
        """
        ...

    def remove_sample(self, sample: str, *, with_subject: bool = False) -> Erasure:
        """Erase one sample by its id for good, as remove does.

        Args:
            sample: its id.
            with_subject: whether its subject goes too where it was the last one.

        Raises:
            SampleNotFoundError: there is no such sample.
        """
        ...

    def move_sample(self, sample: str, into: str) -> bool:
        """Give a sample to another subject. It counts as a change of who is enrolled; see change_number.

        A sample whose source the other subject has already is erased.

        Returns:
            Whether it was moved, and not erased.

        Raises:
            SampleNotFoundError: there is no such sample.
            SubjectNotFoundError: there is no such subject.
        """
        ...

    def merge(self, subject: str, into: str) -> int:
        """Move all samples of a subject to another one, and erase the first one with its traces.

        Ids of samples stay. A sample whose source the other subject has already is erased. It counts as a change of
        who is enrolled; see change_number.

        Returns:
            How many samples were moved.

        Raises:
            SubjectNotFoundError: there is no such subject, or no such other one.
            GalleryError: both are the same subject.
        """
        ...

    def erase_traces(self) -> bool:
        """Overwrite what is left of removed rows, in logs for example; say whether nothing is left."""
        ...

    def traces_remain(self) -> bool:
        """Whether an earlier removal has left traces, since another process was reading."""
        ...

    def require_writable(self) -> None:
        """Refuse a gallery that can only be read.

        Raises:
            GalleryError: nothing can be written to it.
        """
        ...

    def samples(self, subject: str) -> list[SampleRow]:
        """The samples of one subject in the order of their numbers.

        Raises:
            SubjectNotFoundError: there is no such subject.
        """
        ...

    def sample(self, sample: str) -> SampleRow:
        """One sample by its id.

        Raises:
            SampleNotFoundError: there is no such sample.
        """
        ...

    def portrait(self, sample: str) -> Portrait | None:
        """The portrait of a sample; None where it is not kept.

        Raises:
            SampleNotFoundError: there is no such sample.
        """
        ...

    def count(self) -> int:
        """Number of templates."""
        ...

    def searcher(self) -> Index | None:
        """The index that the store keeps itself, in a database; None where one is built in memory."""
        ...

    def change_number(self) -> str:
        """A text that is another one after every change of who is enrolled and with which templates."""
        ...

    def first_templates(self, count: int) -> dict[Owner, list[int]]:
        """The numbers of the first templates of every subject, by name: at most `count` each, in order."""
        ...

    def has_source(self, subject: str, source_sha256: str) -> bool:
        """Whether this file is enrolled for the subject of this id."""
        ...

    def subject_embeddings(self, subject: str) -> Floats:
        """The vectors of one subject, (N, D) float32; no rows where there is no such subject."""
        ...

    def embeddings(self, ids: Ids) -> Floats:
        """The vectors of some templates in their order, (N, D) float32; NaN for one that was removed."""
        ...

    def owners(self, ids: Ids, *, found: bool = False) -> dict[int, Owner]:
        """The subjects of some templates; without those that were removed.

        Args:
            ids: numbers of templates.
            found: only subjects that recognition may find now; see SubjectRow.is_found.
        """
        ...

    def doubts(self, ids: Ids) -> dict[int, tuple[KeptDoubt, ...]]:
        """What was doubtful of some templates when they were enrolled; without those that nothing is known of."""
        ...

    def portraits(self) -> Iterator[tuple[int, Portrait | None]]:
        """All templates' numbers in order, with their portraits; None for one that is not kept."""
        ...

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """What happened since a point in the gallery's history, as one consistent view.

        Args:
            last_id: the last template that the caller has; 0 at the beginning.
            last_removal: the number of the last removal that the caller has; 0 at the beginning.

        Returns:
            The next templates by id, at most BLOCK of them, and all removals. With fewer templates than BLOCK the
            caller has everything.
        """
        ...

    def replace_embeddings(
        self, identity: Identity, embeddings: Mapping[int, Floats], without: Sequence[int] = ()
    ) -> None:
        """Exchange all vectors for those of another model in one transaction.

        Args:
            identity: of the new vectors.
            embeddings: by the number of the template.
            without: numbers of templates that are erased, since nothing can be embedded again.

        Raises:
            GalleryError: templates were added or removed in the meantime; nothing was exchanged.
        """
        ...

    def read_kept(self, name: str) -> str | None:
        """A text that was kept under a name, such as the gallery's own thresholds, or None."""
        ...

    def write_kept(self, name: str, text: str | None) -> None:
        """Keep a text under a name in place of an earlier one; None removes it."""
        ...


BLOCK = 50_000
"""Templates that are read at a time, so that a large gallery is opened without holding it twice."""


def require_identity(store: Store, identity: Identity) -> None:
    """Refuse a gallery that holds another model's embeddings.

    Raises:
        ContractError: with the command that embeds the gallery again.
    """
    held = store.identity
    if held.contract != identity.contract:
        raise ContractError(
            f"{store.address} holds embeddings of {held.model} (contract {held.contract}), not of {identity.model} "
            f"({identity.contract}): open it with --recognizer {held.model}, or embed its portraits again with "
            f"`mien reenrol {store.address} --recognizer {identity.model}`"
        )
