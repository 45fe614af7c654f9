"""Freed memory stays in the process on Linux, and nothing happens elsewhere."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from mien.train.compute.memory import keep_freed_memory


@pytest.mark.parametrize(("platform", "count"), [("linux", 3), ("darwin", 0), ("win32", 0)])
def test_only_glibc_is_asked(platform: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda option, value: asked.append((option, value)))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    keep_freed_memory()
    assert asked == [(-1, 2**31 - 1), (-2, 2**29), (-4, 0)][:count]


def test_a_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: tried.append(name) or SimpleNamespace())
    keep_freed_memory()
    assert tried == [None]
