"""A key file is made once and whole, and nothing is signed or sealed with half a key."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from mien.service.cursors import FILE, Cursors
from mien.service.errors import ServiceError
from mien.service.key_files import KEY, read_key


def test_workers_that_need_a_key_at_the_same_time_get_one(tmp_path: Path) -> None:
    path, barrier = tmp_path / "x.key", Barrier(4)

    def read(_: int) -> bytes:
        barrier.wait(10)
        return read_key(path)

    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(read, range(4)))
    assert keys == {path.read_bytes()} and len(path.read_bytes()) == KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_has_keys_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert read_key(tmp_path / "x.key") == read_key(tmp_path / "x.key") and len(list(tmp_path.iterdir())) == 1


def test_a_cursor_is_not_signed_with_an_empty_key_that_a_crash_left(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with pytest.raises(ServiceError, match=r"cursor.key of the service holds no key: .* bring it back from a backup"):
        Cursors(tmp_path)
