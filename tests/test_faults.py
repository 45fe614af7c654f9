"""One sentence for any exception: it names the file and the remedy."""

import errno
import os
import struct
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.faults import LONGEST_NAME, REMEDIES, describe, shortened


def _caught(call) -> BaseException:
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EACCES, "change its rights"),
        (errno.EROFS, "is on a read-only disk"),
        (errno.ENAMETOOLONG, "shorten it"),
        (errno.EISDIR, "is a folder where a file is needed"),
        (errno.ENOTDIR, "needs a folder where there is a file"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
def test_a_refusal_of_the_system_names_the_file_and_the_remedy(number: int, remedy: str) -> None:
    sentence = describe(OSError(number, os.strerror(number), "out/report.html"))
    assert sentence.startswith("out/report.html ") and remedy in sentence


def test_every_number_of_the_system_gives_one_line_without_a_number() -> None:
    for number in errno.errorcode:
        sentence = describe(OSError(number, os.strerror(number)), "a.jpg")
        assert sentence.startswith("a.jpg") and "Errno" not in sentence and "\n" not in sentence
    assert all(not words.endswith(".") for words in REMEDIES.values())


def test_the_file_that_was_worked_on_is_named_too_where_the_system_refused_another() -> None:
    assert describe(OSError(errno.ENOSPC, "", "out/1.jpg"), "in/1.jpg").startswith("in/1.jpg: out/1.jpg could not be")
    assert describe(OSError(errno.EACCES, "", "in/1.jpg"), "in/1.jpg").startswith("in/1.jpg may not be used")
    assert describe(OSError(errno.EACCES, "", 3), "in/1.jpg").startswith("in/1.jpg may not be used")
    assert describe(OSError(errno.EACCES, "", b"in/1.jpg")).startswith("in/1.jpg may not be used")


def test_a_path_of_5000_characters_gives_a_short_sentence() -> None:
    reason = _caught(lambda: (Path("x" * 5000)).read_bytes())
    sentence = describe(reason)
    assert "has a name that is too long" in sentence and len(sentence) < 2 * LONGEST_NAME
    assert shortened("short") == "short"


def test_an_error_of_miens_is_its_own_sentence() -> None:
    assert describe(ImageError("a.jpg is empty"), "b.jpg") == "a.jpg is empty"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (MemoryError(), "needs more memory than there is"),
        (RecursionError(), "nested too deeply"),
        (EOFError(), "cut short"),
        (BrokenProcessPool(), "fewer --workers"),
        (_caught(lambda: b"\xff".decode()), "not UTF-8"),
        (_caught(lambda: "\udce9".encode()), "not valid Unicode"),
    ],
)
def test_what_a_file_or_machine_brings_about_has_a_remedy(reason: BaseException, words: str) -> None:
    sentence = describe(reason, "people.csv")
    assert sentence.startswith("people.csv ") and words in sentence and "--debug" not in sentence


@pytest.mark.parametrize(
    "call",
    [
        lambda: struct.unpack("<I", b""),
        lambda: cv2.resize(np.zeros((5, 5), np.uint8), (0, 0)),
        lambda: int("²"),
        lambda: {}["missing"],
        lambda: np.zeros(3).reshape(2, 2),
    ],
)
def test_what_mien_did_not_expect_says_so_on_one_line(call) -> None:
    sentence = describe(_caught(call), "a.webp")
    assert sentence.startswith("a.webp could not be processed: mien did not expect this (")
    assert sentence.endswith("); run again with --debug") and "\n" not in sentence and len(sentence) < 400


def test_a_sentence_about_a_file_name_that_is_not_utf_8_can_be_written() -> None:
    for reason in (
        ImageError("caf\udce9.jpg is empty"),
        ValueError("caf\udce9.jpg"),
        OSError(28, "", "caf\udce9.jpg"),
    ):
        assert "caf\\udce9.jpg" in describe(reason, "caf\udce9.jpg").encode().decode()


def test_a_full_disk_without_a_name_is_not_said_of_the_file_that_was_read() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert describe(full, "in/1.jpg").startswith("in/1.jpg: a file could not be written, because the disk is full")
    assert describe(full).startswith("a file could not be written")


def test_without_a_name_the_sentence_still_has_a_subject() -> None:
    assert describe(ValueError("x")).startswith("this command could not be completed: mien did not expect this")
    assert describe(OSError("cannot identify image file")).startswith("this command could not be completed")
    assert describe(EOFError()).startswith("a file ends too early")
    assert describe(ImportError("no cv2")).endswith("run `mien doctor`")
