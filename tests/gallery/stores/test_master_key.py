"""The master key comes from the environment or a file, in any of its forms, and nothing else is taken for one."""

import base64
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.errors import GalleryError
from mien.gallery.stores.master_key import find_master_key, fingerprint, read_master_key, write_master_key

KEY = bytes(range(32))


@pytest.mark.parametrize("data", [KEY, KEY.hex().encode(), base64.b64encode(KEY) + b"\n", b" " + KEY.hex().encode()])
def test_a_key_is_read_in_each_of_its_forms(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "master.key").write_bytes(data)
    assert find_master_key({"MIEN_MASTER_KEY_FILE": str(tmp_path / "master.key")}) == KEY


def test_the_variable_goes_before_the_file_and_neither_is_needed() -> None:
    assert find_master_key({"MIEN_MASTER_KEY": KEY.hex(), "MIEN_MASTER_KEY_FILE": "/nowhere"}) == KEY
    assert find_master_key({}) is None


@pytest.mark.parametrize("text", ["short", "zz" * 32, "é" * 32, KEY.hex()[:-2]])
def test_what_is_not_a_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(GalleryError, match="MIEN_MASTER_KEY holds no master key") as caught:
        find_master_key({"MIEN_MASTER_KEY": text})
    assert text not in str(caught.value)


def test_a_new_key_is_private_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    write_master_key(path)
    first = read_master_key(path)
    assert len(first) == 32 and S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(GalleryError, match="no master key was written"):
        write_master_key(path)
    assert read_master_key(path) == first
    with pytest.raises(GalleryError, match="cannot be read"):
        read_master_key(tmp_path / "missing")


def test_a_fingerprint_tells_keys_apart_and_holds_none() -> None:
    assert fingerprint(KEY) != fingerprint(KEY[::-1]) and KEY[:8] not in fingerprint(KEY)
