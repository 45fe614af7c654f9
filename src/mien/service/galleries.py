"""The galleries of a service: files in one folder, opened once, known by their ids. Turns no id into a path.

A gallery's display name is kept in it. One that cannot be opened is named by readiness, and the others are served.
Several workers of a service share the folder: a gallery that another one has made, deleted or embedded again is
opened, given up or opened again when it is next asked for.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MasterKeyError, MienError
from mien.gallery.gallery import Gallery, identity_of
from mien.gallery.records import GallerySettings
from mien.gallery.stores.base import require_identity
from mien.gallery.stores.master_key import find_master_key
from mien.gallery.stores.outside_vectors import WAITING
from mien.gallery.threshold_policies import ThresholdPolicy, resolve_policy
from mien.gallery.thresholds import ChosenThreshold
from mien.gallery.transfer import NOBODY, keep_vectors_at, require_vectors
from mien.gallery.vectors import open_vectors
from mien.models.card import ModelCard
from mien.service.errors import ServiceError, not_found

FOLDER, SUFFIX, DELETED, LOCK = "galleries", ".gallery", "deleted", "galleries.lock"
MARKED = 3600.0
"""Seconds for which a deleted gallery is marked; each worker looks for marks every few seconds."""
NAME = "service.name"
"""Under which a gallery keeps its display name."""


MEASURING = 0.05
"""Share of the time in which thresholds may be measured again, where people are enrolled and erased all the time."""
QUICK = 0.1
"""Seconds up to which measuring a threshold is done after each change."""


@dataclass(frozen=True, slots=True)
class _Resolved:
    """The threshold of a policy.

    Attributes:
        state: of the gallery in which it was measured; see Store.change_number.
        until: the time of the monotonic clock up to which it is used in another state too.
        chosen: the threshold.
    """

    state: str
    until: float
    chosen: ChosenThreshold


class OpenGallery:
    """A gallery of the service.

    Args:
        path: of its file.
        gallery: opened.
        card: of the service's recognizer.
    """

    def __init__(self, path: Path, gallery: Gallery, card: ModelCard) -> None:
        self.path, self.gallery, self._card = path, gallery, card
        self.id = gallery.store.id
        self._resolved: dict[str, _Resolved] = {}
        self._resolving = threading.Lock()
        self._file = _identity_of_file(path)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.gallery.store.read_kept(NAME) or self.path.stem

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        self.gallery.store.write_kept(NAME, name)

    def forget_index(self) -> None:
        """Search what is in the store now, after all of it was exchanged."""
        self.gallery = Gallery(self.gallery.store)
        self._resolved.clear()

    def follow(self) -> None:
        """Open it again where another process has embedded it again, encrypted it or moved its vectors."""
        if not self.gallery.store.is_current():
            # Requests that still use the former one are refused by it, and end before it is closed.
            self.gallery = Gallery.open(self.path)
            self._resolved.clear()

    def require_own_file(self) -> None:
        """Refuse it where another file took the place of the one that is open, since changes would be lost.

        Raises:
            ServiceError: the file was exchanged, or it is gone.
        """
        if _identity_of_file(self.path) != self._file:
            message = (
                "the file of this gallery was exchanged or removed while the service ran: the operator has to "
                "restart the service"
            )
            raise ServiceError(503, "gallery_not_usable", message)

    def problem(self) -> str | None:
        """Why it cannot be used any more, as where its file was exchanged, or a later mien changed it."""
        try:
            self.require_own_file()
            self.follow()
            self.gallery.store.settings()
        except MienError as reason:
            return f"gallery {self.id}: {reason}"
        return None

    @property
    def fits(self) -> bool:
        """Whether its embeddings are those of the service's recognizer."""
        return self.gallery.store.identity.contract == self._card.contract

    def require_fit(self) -> None:
        """Refuse it where its embeddings are another model's.

        Raises:
            ContractError: with both contracts and the command that embeds it again.
        """
        require_identity(self.gallery.store, identity_of(self._card))

    def threshold(self, policy: ThresholdPolicy, *, measure: bool = False) -> ChosenThreshold:
        """The threshold of a policy for the people who are enrolled now; measured again after changes of them.

        Of a gallery of many thousand people that takes a part of a second, in which nobody is identified. While
        people are enrolled or erased one after the other it is therefore as old as some tens of these times, in which
        few can come or go.

        Args:
            policy: what is asked for.
            measure: whether it has to be that of this moment.

        Raises:
            CardError: nothing that was measured shows the rate.
        """
        state = self.gallery.store.change_number()
        # One request measures, and those that came meanwhile take what it found.
        with self._resolving:
            known, began = self._resolved.get(str(policy)), time.monotonic()
            if known is None or (known.state != state and (measure or began >= known.until)):
                chosen = resolve_policy(policy, self.gallery.store, self._card)
                took = time.monotonic() - began
                until = began + took / MEASURING if took > QUICK else began
                known = self._resolved[str(policy)] = _Resolved(state, until, chosen)
            return known.chosen


def _identity_of_file(path: Path) -> tuple[int, int] | None:
    """What stays with a file however it changes; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


class Galleries:
    """All galleries of a service; safe to call from several threads.

    Args:
        folder: of the service.
        card: of its recognizer.
        vectors: the address of the database that keeps the vectors of new galleries; None for their files.

    Raises:
        MasterKeyError: the master key is malformed, or a gallery is encrypted with another one.
        GalleryError: the address of the database is wrong, or what it needs is not installed.
    """

    def __init__(self, folder: Path, card: ModelCard, vectors: str | None = None) -> None:
        self._folder, self._card, self._vectors = folder / FOLDER, card, vectors
        if vectors is not None:
            # It may start later than the service, and is not connected to yet.
            open_vectors(vectors, NOBODY, identity_of(card)).close()
        self._deleted, self._lock_file = folder / DELETED, folder / LOCK
        for place in (self._folder, self._deleted):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        find_master_key()
        self._lock = threading.Lock()
        self._open: dict[str, OpenGallery] = {}
        self.problems: list[str] = []
        self._seen: set[Path] = set()
        try:
            self._look_around()
        except MasterKeyError:
            self.close()
            raise

    def _look_around(self) -> None:
        """Open galleries that are new in the folder, and give up those that another worker has deleted."""
        with self._alone():
            for path in sorted(set(self._folder.glob(f"*{SUFFIX}")) - self._seen):
                self._seen.add(path)
                try:
                    self._add(path, Gallery.open(path))
                except MasterKeyError:
                    raise
                except MienError as reason:
                    self.problems.append(f"a gallery cannot be opened: {reason}")
            for mark in self._deleted.iterdir():
                with self._lock:
                    gone = self._open.pop(mark.name, None)
                if gone is not None:
                    gone.gallery.close()
                if time.time() - mark.stat().st_mtime > MARKED:
                    mark.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other worker makes or deletes a gallery."""
        with self._lock_file.open("a") as lock:
            try:
                import fcntl
            except ImportError:
                # There is one worker then; see serve_by_workers.
                yield
                return
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _add(self, path: Path, gallery: Gallery) -> OpenGallery:
        opened = OpenGallery(path, gallery, self._card)
        with self._lock:
            self._open[opened.id] = opened
        return opened

    def __iter__(self) -> Iterator[OpenGallery]:
        """All galleries that can be used, by name; see unusable."""
        self._look_around()
        return iter(sorted(self._usable(), key=lambda one: (one.name, one.id)))

    def _usable(self) -> list[OpenGallery]:
        return [one for one in self._open.copy().values() if one.problem() is None]

    def find(self, gallery_id: str) -> OpenGallery:
        """One gallery.

        Raises:
            ServiceError: there is none.
        """
        found = self._open.get(gallery_id)
        if found is None or not found.path.exists():
            self._look_around()
            found = self._open.get(gallery_id)
        if found is None:
            raise not_found("gallery")
        found.require_own_file()
        found.follow()
        return found

    def create(self, name: str, settings: GallerySettings) -> OpenGallery:
        """Make a gallery of the service's recognizer.

        Raises:
            GalleryError: the database for its vectors cannot be reached, and nothing was made.
        """
        path = self._folder / f"{secrets.token_hex(8)}{SUFFIX}"
        if self._vectors is not None:
            require_vectors(self._vectors, identity_of(self._card))
        with self._alone():
            opened = self._add(path, Gallery.create(path, self._card))
            self._seen.add(path)
            if self._vectors is not None:
                keep_vectors_at(opened.gallery.store, self._vectors)
                opened.forget_index()
            opened.gallery.store.change_settings(settings)
            opened.rename(name)
        return opened

    def delete(self, gallery_id: str, name: str | None, on_begin: Callable[[], None]) -> int:
        """Erase everybody in a gallery, then its files.

        Args:
            gallery_id: which.
            name: its name, where it is not empty.
            on_begin: called when nothing speaks against it, before anybody is erased, so that what depends on the
                gallery ends with it.

        Returns:
            How many subjects were erased.

        Raises:
            ServiceError: it is not empty, and the name is not the gallery's; or its vectors are in a database that
                cannot be reached: everybody in it is erased, and the list of what is still to be removed stays.
        """
        found = self.find(gallery_id)
        subjects = found.gallery.subjects()
        if subjects and name != found.name:
            message = f"this gallery has {len(subjects)} subjects: repeat its name in ?name= to erase all of them"
            raise ServiceError(409, "not_empty", message)
        on_begin()
        for row in subjects:
            found.gallery.remove(row.id)
        found.gallery.store.erase_traces()
        if found.gallery.store.read_kept(WAITING):
            message = (
                "everybody in this gallery was erased, and the database that has their vectors cannot be reached: "
                "delete the gallery again when it can"
            )
            raise ServiceError(503, "gallery_not_usable", message)
        with self._lock:
            self._open.pop(gallery_id, None)
        with self._alone():
            found.gallery.close()
            for path in self._folder.glob(f"{found.path.name}*"):
                path.unlink()
            # Other workers have it open, and learn by this that it was not taken away by hand.
            (self._deleted / gallery_id).touch(mode=0o600)
        return len(subjects)

    def finish_erasures(self) -> bool:
        """Empty the logs that could not be emptied while somebody read; say whether nothing is left."""
        done = True
        for one in list(self._open.values()):
            with suppress(MienError):
                done &= one.gallery.store.erase_traces() if one.gallery.store.traces_remain() else True
        return done

    def forget_removed(self) -> bool:
        """Overwrite in memory what other processes have erased, and close what they have deleted.

        Returns:
            Whether there was anything to overwrite.
        """
        self._look_around()
        found = False
        for one in list(self._open.values()):
            with suppress(MienError):
                found |= one.gallery.forget_removed()
        return found

    def unusable(self) -> list[str]:
        """What readiness says of galleries that cannot be used any more."""
        return [problem for one in list(self._open.values()) if (problem := one.problem()) is not None]

    @property
    def are_encrypted(self) -> bool:
        """Whether all of them are, or, where there is none yet, whether new ones will be."""
        if not self._open:
            return find_master_key() is not None
        return all(one.gallery.store.is_encrypted for one in list(self._open.values()))

    def pending_erasures(self) -> int:
        """Number of galleries with traces of somebody who was erased."""
        return sum(one.gallery.store.traces_remain() for one in self._usable())

    def close(self) -> None:
        """Close all files."""
        for one in self._open.values():
            one.gallery.close()
