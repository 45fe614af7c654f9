"""What people name or download by mistake is called what it is."""

import pytest

from mien.models.foreign_files import BEGINNINGS, describe_foreign


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "is empty"),
        (bytes(512), "nothing but zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "pointer of Git LFS"),
        (b"\xef\xbb\xbf\n<!doctype html><html>", "is a web page"),
        (b"<HTML><body>Quota exceeded", "is a web page"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b'\x40\0\0\0\0\0\0\0{"__metadata__":', "safetensors"),
    ],
)
def test_it_is_called_what_it_is(head: bytes, what: str) -> None:
    assert what in describe_foreign(head)


def test_a_network_is_nothing_foreign() -> None:
    assert describe_foreign(b"\x08\x07\x12\x07pytorch\x1a\x052.1.0") == describe_foreign(b"\x80\x02}q\0(X") == ""
    assert all(what.startswith(("is", "holds")) for _, what in BEGINNINGS)
