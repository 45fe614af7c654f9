"""What the tests of galleries share: templates that can be found again in raw bytes, and a store in memory."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.records import Changes, Identity, KeptDoubt, NewTemplate, Portrait, SampleRow, SubjectRow
from mien.gallery.stores.base import BLOCK, require_identity
from mien.types import Floats

IDENTITY = Identity("contract-a", "model-a", "l2", 16)


def make_template(subject: str, number: int) -> NewTemplate:
    vector = np.random.default_rng(number).normal(size=16).astype(np.float32)
    portrait = Portrait(
        f"{subject}-{number}.jpg", b"portrait-%04d-" % number * 400, np.full((5, 2), number, np.float32)
    )
    return NewTemplate(subject, f"sha-{number}", vector, portrait)


@pytest.fixture(scope="session")
def identity() -> Identity:
    return IDENTITY


@pytest.fixture(scope="session")
def template() -> Callable[[str, int], NewTemplate]:
    return make_template


class _Memory:
    """What one address of the made-up store holds."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.templates: dict[int, NewTemplate] = {}
        self.enrolled: dict[str, float] = {}
        self.removed: list[int] = []
        self.next_id = 1
        self.kept: dict[str, str] = {}


class MemoryStore:
    """A store in memory, made up to show that a gallery asks its store for nothing but the protocol."""

    _all: ClassVar[dict[str, _Memory]] = {}

    def __init__(self, address: str) -> None:
        self.address, self._held = address, self._all[address]
        self.identity = self._held.identity

    @classmethod
    def exists(cls, address: str) -> bool:
        return address in cls._all

    @classmethod
    def create(cls, address: str, identity: Identity) -> "MemoryStore":
        cls._all.setdefault(address, _Memory(identity))
        store = cls(address)
        require_identity(store, identity)
        return store

    @classmethod
    def open(cls, address: str) -> "MemoryStore":
        if address not in cls._all:
            raise GalleryError(f"there is no gallery {address}")
        return cls(address)

    def close(self) -> None:
        pass

    def current_identity(self) -> Identity:
        return self._held.identity

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        return [self._add(template) for template in templates]

    def _add(self, new: NewTemplate) -> int | None:
        if self.has_source(new.subject, new.source_sha256):
            return None
        number, self._held.next_id = self._held.next_id, self._held.next_id + 1
        self._held.enrolled.setdefault(new.subject, time.time())
        self._held.templates[number] = new
        return number

    def remove(self, subject: str) -> int:
        if subject not in self._held.enrolled:
            raise SubjectNotFoundError(f"{self.address} has no subject '{subject}'")
        gone = [number for number, template in self._held.templates.items() if template.subject == subject]
        for number in gone:
            del self._held.templates[number]
        del self._held.enrolled[subject]
        self._held.removed += gone
        return len(gone)

    def remove_sample(self, subject: str, number: int) -> bool:
        numbers = [row.number for row in self.samples(subject)]
        if number not in numbers:
            raise GalleryError(f"{self.address} has no sample {number} of '{subject}'")
        if len(numbers) == 1:
            return bool(self.remove(subject))
        del self._held.templates[number]
        self._held.removed.append(number)
        return False

    def rename(self, subject: str, name: str) -> None:
        self.samples(subject)
        if name != subject and name in self._held.enrolled:
            raise GalleryError(f"{self.address} has a subject '{name}' already")
        for number, one in self._held.templates.items():
            if one.subject == subject:
                self._held.templates[number] = replace(one, subject=name)
        self._held.enrolled[name] = self._held.enrolled.pop(subject)

    def merge(self, subject: str, into: str) -> int:
        mine, theirs = self.samples(subject), self.samples(into)
        if subject == into:
            raise GalleryError(f"{self.address}: '{subject}' cannot be merged with itself")
        held = self._held.templates
        known = {held[row.number].source_sha256 for row in theirs}
        doubles = [row.number for row in mine if held[row.number].source_sha256 in known]
        for number in doubles:
            del held[number]
        for row in mine:
            if row.number in held:
                held[row.number] = replace(held[row.number], subject=into)
        self._held.removed += [*doubles, 0]
        self._held.enrolled[into] = min(self._held.enrolled[into], self._held.enrolled.pop(subject))
        return len(mine) - len(doubles)

    def samples(self, subject: str) -> list[SampleRow]:
        if subject not in self._held.enrolled:
            raise SubjectNotFoundError(f"{self.address} has no subject '{subject}'")
        return [
            SampleRow(number, one.portrait.source, self._held.enrolled[subject], one.doubts)
            for number, one in sorted(self._held.templates.items())
            if one.subject == subject
        ]

    def traces_remain(self) -> bool:
        return False

    def require_writable(self) -> None:
        pass

    def erase_traces(self) -> bool:
        return True

    def subjects(self) -> list[SubjectRow]:
        owners = [template.subject for template in self._held.templates.values()]
        return [SubjectRow(name, owners.count(name), when) for name, when in sorted(self._held.enrolled.items())]

    def count(self) -> int:
        return len(self._held.templates)

    def change_number(self) -> str:
        return f"{self.current_identity().contract} {self._held.next_id} {len(self._held.removed)}"

    def first_templates(self, count: int) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, one in sorted(self._held.templates.items(), key=lambda item: (item[1].subject, item[0])):
            found.setdefault(one.subject, []).append(number)
        return {name: numbers[:count] for name, numbers in found.items()}

    def has_source(self, subject: str, source_sha256: str) -> bool:
        return any((t.subject, t.source_sha256) == (subject, source_sha256) for t in self._held.templates.values())

    def subject_embeddings(self, subject: str) -> Floats:
        return self._stack([t.embedding for t in self._held.templates.values() if t.subject == subject])

    def embeddings(self, ids: np.ndarray) -> Floats:
        nothing = np.full(self.identity.dimension, np.nan, np.float32)
        held = self._held.templates
        return self._stack([held[number].embedding if number in held else nothing for number in ids.tolist()])

    def owners(self, ids: np.ndarray) -> dict[int, str]:
        held = self._held.templates
        return {number: held[number].subject for number in ids.tolist() if number in held}

    def doubts(self, ids: np.ndarray) -> dict[int, tuple[KeptDoubt, ...]]:
        held = self._held.templates
        return {number: held[number].doubts for number in ids.tolist() if number in held and held[number].doubts}

    def portraits_of(self, subject: str) -> Iterator[tuple[int, Portrait]]:
        for number, template in sorted(self._held.templates.items()):
            if template.subject == subject:
                yield number, template.portrait

    def portraits(self) -> Iterator[tuple[int, Portrait]]:
        for number, template in sorted(self._held.templates.items()):
            yield number, template.portrait

    def changes(self, last_id: int, last_removal: int) -> Changes:
        new = [number for number in sorted(self._held.templates) if number > last_id][:BLOCK]
        return Changes(
            np.array(new, np.int64),
            self._stack([self._held.templates[number].embedding for number in new]),
            np.array(self._held.removed[last_removal:], np.int64),
            len(self._held.removed),
        )

    def replace_embeddings(self, identity: Identity, embeddings: Mapping[int, Floats]) -> None:
        if set(embeddings) != set(self._held.templates):
            raise GalleryError(f"{self.address} was changed: run the command again")
        for number, vector in embeddings.items():
            old = self._held.templates[number]
            self._held.templates[number] = NewTemplate(old.subject, old.source_sha256, vector, old.portrait)
        self.identity = self._held.identity = identity

    def read_kept(self, name: str) -> str | None:
        return self._held.kept.get(name)

    def write_kept(self, name: str, text: str | None) -> None:
        if text is None:
            self._held.kept.pop(name, None)
        else:
            self._held.kept[name] = text

    def _stack(self, vectors: Sequence[Floats]) -> Floats:
        return np.array(vectors, np.float32).reshape(len(vectors), -1 if len(vectors) else self.identity.dimension)


@pytest.fixture
def memory_store(monkeypatch: pytest.MonkeyPatch) -> type[MemoryStore]:
    """The made-up store, as the scheme memory:// of the table."""
    from mien.gallery.stores import STORES

    monkeypatch.setattr(MemoryStore, "_all", {})
    monkeypatch.setitem(STORES, "memory", MemoryStore)
    return MemoryStore


@pytest.fixture(scope="session")
def crowd() -> Callable[..., list[NewTemplate]]:
    """Builds templates of people at random places of a space, with images around each of them."""

    def make(
        people: int, images: int = 1, spread: float = 1.0, seed: int = 0, near: float = 0.2
    ) -> list[NewTemplate]:
        generator = np.random.default_rng(seed)
        centres = generator.normal(0, spread, (people, IDENTITY.dimension))
        return [
            NewTemplate(
                f"s{seed}-{person:04d}",
                f"sha-{seed}-{person}-{image}",
                (centres[person] + generator.normal(0, near, IDENTITY.dimension)).astype(np.float32),
                Portrait(f"{person}.jpg", b"portrait", np.zeros((5, 2), np.float32)),
            )
            for person in range(people)
            for image in range(images)
        ]

    return make
