"""Subject keys: kept in slots, overwritten in place, shared between processes, never readable with another key."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mien.errors import GalleryError
from mien.gallery.profiles import new_id
from mien.gallery.stores.key_file import ID, LOOKUP, SLOT, WRAPPED, KeyFile, discard_keys

pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")

MASTER, OTHER = b"m" * 32, b"o" * 32


@pytest.fixture
def gallery() -> str:
    return new_id()


@pytest.fixture
def keys(tmp_path: Path, gallery: str) -> KeyFile:
    return KeyFile.create(tmp_path / "people.keys", gallery, MASTER)


def slot_of(keys: KeyFile, subject: str) -> bytes:
    data = keys.path.read_bytes()
    return next(data[n : n + SLOT] for n in range(0, len(data), SLOT) if data[n : n + ID].hex() == subject)


def test_keys_are_found_again_by_another_process(keys: KeyFile) -> None:
    subjects = [new_id() for _ in range(20)]
    made = {subject: keys.make(subject) for subject in subjects}
    keys.sync()
    other = KeyFile(keys.path, MASTER)
    assert {subject: other.find(subject) for subject in subjects} == made and len(set(made.values())) == 20
    later = new_id()
    key = keys.make(later)
    assert other.find(later) == key, "what is added later is seen"
    assert not any(key in keys.path.read_bytes() for key in made.values()), "keys are never written as they are"
    assert other.find(LOOKUP) == keys.find(LOOKUP)


def test_an_erased_key_is_overwritten_in_place_and_seen_at_once(keys: KeyFile) -> None:
    gone, kept = new_id(), new_id()
    keys.make(gone), keys.make(kept)
    other, wrapped = KeyFile(keys.path, MASTER), slot_of(keys, gone)[WRAPPED]
    size, inode = keys.path.stat().st_size, keys.path.stat().st_ino
    keys.erase(gone)
    assert wrapped not in keys.path.read_bytes()
    assert (keys.path.stat().st_size, keys.path.stat().st_ino) == (size, inode)
    assert keys.find(gone) is None and other.find(gone) is None and other.find(kept) is not None
    assert KeyFile(keys.path, MASTER).erased == {gone}
    sample = new_id()
    keys.erase(sample)
    assert KeyFile(keys.path, MASTER).erased == {gone, sample}, "a sample that was erased is noted"


def test_a_key_that_was_never_there_is_an_error_and_not_an_erasure(keys: KeyFile) -> None:
    with pytest.raises(GalleryError, match="older than the gallery"):
        keys.find(new_id())


def test_another_master_key_opens_nothing(keys: KeyFile) -> None:
    with pytest.raises(GalleryError, match="the master key is not the one of"):
        KeyFile(keys.path, OTHER)


@pytest.mark.parametrize("data", [b"", b"text" * 100, b"mienkeys"])
def test_what_is_not_a_key_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "people.keys").write_bytes(data)
    with pytest.raises(GalleryError, match="holds no keys"):
        KeyFile(tmp_path / "people.keys", MASTER)
    with pytest.raises(GalleryError, match="belongs to another gallery"):
        discard_keys(tmp_path / "people.keys", new_id())
    with pytest.raises(GalleryError, match="its keys cannot be read"):
        KeyFile(tmp_path / "missing.keys", MASTER)


def test_a_changed_slot_is_damage_and_not_a_key(keys: KeyFile) -> None:
    one, other = new_id(), new_id()
    keys.make(one), keys.make(other)
    data = bytearray(keys.path.read_bytes())
    places = [data.index(bytes.fromhex(subject)) for subject in (one, other)]
    swapped = [bytes(data[place + ID : place + SLOT]) for place in places]
    for place, rest in zip(places, reversed(swapped), strict=True):
        data[place + ID : place + SLOT] = rest
    keys.path.write_bytes(data)
    for subject in (one, other):
        with pytest.raises(GalleryError, match="damaged at the key"):
            KeyFile(keys.path, MASTER).find(subject)


def test_rotation_keeps_all_keys_and_overwrites_the_former_file(keys: KeyFile, tmp_path: Path) -> None:
    subjects = [new_id() for _ in range(5)]
    before = {subject: keys.make(subject) for subject in subjects}
    keys.erase(subjects[0])
    other = KeyFile(keys.path, MASTER)
    os.link(keys.path, tmp_path / "former")
    wrapped = slot_of(keys, subjects[1])[WRAPPED]
    keys.rotate(OTHER)
    assert not any((tmp_path / "former").read_bytes()), "nothing is left of the former file"
    assert wrapped not in keys.path.read_bytes()
    again = KeyFile(keys.path, OTHER)
    assert {subject: again.find(subject) for subject in subjects} == {**before, subjects[0]: None}
    assert again.find(LOOKUP) == keys.find(LOOKUP)
    with pytest.raises(GalleryError, match="the master key is not the one of"):
        other.find(subjects[1])


def test_threads_and_handles_add_keys_side_by_side(keys: KeyFile) -> None:
    handles = [keys, KeyFile(keys.path, MASTER)]

    def add(number: int) -> tuple[str, bytes]:
        subject = new_id()
        return subject, handles[number % 2].make(subject)

    with ThreadPoolExecutor(4) as pool:
        made = dict(pool.map(add, range(80)))
    assert {subject: KeyFile(keys.path, MASTER).find(subject) for subject in made} == made


def test_keys_that_may_only_be_read_are_read_and_say_so(keys: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = new_id()
    key = keys.make(subject)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    reader = KeyFile(keys.path, MASTER)
    assert reader.find(subject) == key
    for act in (lambda: reader.make(new_id()), lambda: reader.erase(subject), lambda: reader.rotate(OTHER)):
        with pytest.raises(GalleryError, match="can only be read: change its rights"):
            act()
    assert keys.find(subject) == key


def test_a_slot_that_a_crash_cut_off_is_written_over(keys: KeyFile) -> None:
    first = new_id()
    key = keys.make(first)
    with keys.path.open("ab") as stream:
        stream.write(b"half a slot")
    again = KeyFile(keys.path, MASTER)
    second = new_id()
    other = again.make(second)
    assert keys.find(first) == key and keys.find(second) == other and keys.path.stat().st_size % SLOT == 0


def test_keys_of_a_backup_are_added_but_erased_ones_stay_erased(keys: KeyFile) -> None:
    gone, lost, late = new_id(), new_id(), new_id()
    keys.make(gone)
    backup = keys.all_keys() | {lost: b"k" * 32, late: None}
    keys.erase(gone)
    assert keys.put_back(backup) == 1
    assert keys.find(lost) == b"k" * 32 and keys.find(gone) is None and keys.find(late) is None


def test_keys_of_a_process_that_could_not_encrypt_are_taken_away(keys: KeyFile, gallery: str) -> None:
    with pytest.raises(GalleryError, match="belongs to another gallery"):
        discard_keys(keys.path, new_id())
    discard_keys(keys.path, gallery)
    assert not keys.path.exists()
    discard_keys(keys.path, gallery)
