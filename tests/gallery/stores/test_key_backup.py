"""Backups of keys: only the passphrase opens them, until their last day."""

import json
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.errors import GalleryError
from mien.gallery.stores import key_backup
from mien.gallery.stores.key_backup import KeyBackup, read_key_backup, write_key_backup

pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")

BACKUP = KeyBackup("5a" * 16, {"01" * 16: b"k" * 32, "02" * 16: None})
PASSPHRASE = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_key_backup(tmp_path / "keys", BACKUP, PASSPHRASE, days=1)
    return tmp_path / "keys"


def test_keys_come_back_as_they_were(path: Path) -> None:
    assert read_key_backup(path, PASSPHRASE) == BACKUP
    assert S_IMODE(path.stat().st_mode) == 0o600 and (b"k" * 32).hex().encode() not in path.read_bytes()


def test_another_passphrase_opens_nothing(path: Path) -> None:
    with pytest.raises(GalleryError, match="the passphrase is wrong"):
        read_key_backup(path, PASSPHRASE + "x")


def test_a_backup_ends_and_its_end_cannot_be_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value | {"until": value["until"] + 1e6}))
    with pytest.raises(GalleryError, match="the file was changed"):
        read_key_backup(path, PASSPHRASE)
    path.write_text(json.dumps(value))
    monkeypatch.setattr(key_backup.time, "time", lambda: value["until"] + 1)
    with pytest.raises(GalleryError, match="has ended: destroy it"):
        read_key_backup(path, PASSPHRASE)


@pytest.mark.parametrize(("passphrase", "days"), [("short", 1), (PASSPHRASE, 0), (PASSPHRASE, 1e9)])
def test_a_weak_passphrase_or_an_endless_backup_is_refused(tmp_path: Path, passphrase: str, days: float) -> None:
    with pytest.raises(GalleryError, match=r"12 characters|number of days"):
        write_key_backup(tmp_path / "keys", BACKUP, passphrase, days)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("data", [b"", b"[]", b'{"mien": "keys 1"}', b"\xff"])
def test_what_is_not_a_backup_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "keys").write_bytes(data)
    with pytest.raises(GalleryError, match="is not a backup of keys"):
        read_key_backup(tmp_path / "keys", PASSPHRASE)
    with pytest.raises(GalleryError, match="exists already"):
        write_key_backup(tmp_path / "keys", BACKUP, PASSPHRASE, 1)
