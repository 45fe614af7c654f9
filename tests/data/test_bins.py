"""Verification sets in pickles, and pickles that would run code."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from fuzz import mutants
from mien.data.bins import read_bin, write_bin
from mien.errors import ManifestError


def test_a_set_survives(tmp_path: Path) -> None:
    path = tmp_path / "lfw.bin"
    write_bin(path, [b"a", b"b", b"c", b"d"], [True, False])
    found = read_bin(path)
    assert found.images == (b"a", b"b", b"c", b"d") and found.mated.tolist() == [True, False]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_all_protocols_and_arrays_of_home_made_packs(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "own.bin"
    images = [np.frombuffer(b"one", np.uint8), np.frombuffer(b"two", np.uint8)]
    path.write_bytes(pickle.dumps((images, [np.bool_(True)]), protocol=protocol))
    found = read_bin(path)
    assert found.images == (b"one", b"two") and found.mated.tolist() == [True]


def test_python_2_pickles_of_str(tmp_path: Path) -> None:
    path = tmp_path / "old.bin"
    # (['a', '\xff'], [True]) as Python 2 wrote it with protocol 2: its str are SHORT_BINSTRING.
    path.write_bytes(b"\x80\x02]q\x00(U\x01aq\x01U\x01\xffq\x02e]q\x03\x88a\x86q\x04.")
    assert read_bin(path).images == (b"a", b"\xff")


class Hostile:
    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_is_refused_and_its_code_does_not_run(tmp_path: Path, protocol: int) -> None:
    path, marker = tmp_path / "evil.bin", tmp_path / "ran"
    path.write_bytes(pickle.dumps(([b"a", Hostile(str(marker))], [True]), protocol=protocol))
    with pytest.raises(ManifestError, match=r"evil\.bin is refused: its pickle names (posix|nt)\.mkdir"):
        read_bin(path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists(), "the pickle does run code where it is loaded in the usual way"


@pytest.mark.parametrize("name", ["builtins eval", "numpy load", "os system", "builtins getattr", "numpy ndarray"])
def test_nothing_but_arrays_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.bin"
    module, function = name.split()
    path.write_bytes(f"c{module}\n{function}\n(S'x'\ntR.".encode())
    with pytest.raises(ManifestError):
        read_bin(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is not a verification set"),
        (b"rubbish", "is not a verification set"),
        (pickle.dumps([1, 2, 3]), "a pair of images and truth values"),
        (pickle.dumps(([b"a"], [True])), "1 images for 1 pairs"),
        (pickle.dumps(([b"a", 7], [True])), "image 1 is a int"),
        (pickle.dumps(([], [])), "0 images for 0 pairs"),
    ],
)
def test_what_is_no_set_is_named(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=why):
        read_bin(path)


def test_decoded_arrays_are_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "own.bin"
    for images in ([np.zeros((112, 112, 3), np.uint8)] * 2, np.zeros((2, 112, 112, 3), np.uint8)):
        path.write_bytes(pickle.dumps((images, [True])))
        with pytest.raises(ManifestError, match=r"image 0 is an array of 112x112x3 decoded values.*cv2\.imencode"):
            read_bin(path)
    path.write_bytes(pickle.dumps(([np.frombuffer(b"one", np.uint8)[:, None]] * 2, np.array([True]))))
    assert read_bin(path).images == (b"one", b"one")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (([b"a", b"b"], [None]), "truth 0 is 'None', not true or false"),
        (([b"a", b"b"], [0.5]), "truth 0 is '0.5'"),
        (([b"a", b"b"], [float("nan")]), "truth 0 is 'nan'"),
        (([b"a", b"b"], 1), "a list of images and a list of truths"),
        ((b"ab", [True]), "a list of images and a list of truths"),
        (({1: b"a"}, [True]), "a list of images and a list of truths"),
        (([b"a", b"b"], [np.zeros(2)]), "truth 0 is"),
    ],
)
def test_lists_of_something_else_are_named(tmp_path: Path, value: object, why: str) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(ManifestError, match=why):
        read_bin(path)


def test_ten_bytes_do_not_ask_for_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x80\x02]r\xff\xff\xff\x0f.")
    with pytest.raises(ManifestError, match="a pair of images and truth values"):
        read_bin(path)


def test_damaged_sets_are_refused_by_name_or_keep_their_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    arrays = [np.frombuffer(b"jpeg %d" % n, np.uint8) for n in range(40)]
    for images in ([bytes(array) for array in arrays], arrays):
        for copy in mutants(pickle.dumps((images, [True, False] * 10), protocol=2), 120, seed=15):
            path.write_bytes(copy)
            try:
                found = read_bin(path)
            except ManifestError as fault:
                assert "x.bin" in str(fault)
            else:
                assert len(found.images) == 2 * len(found.mated) > 0
