"""The index of an open gallery: in step with its store, and searched by several threads while others write."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from mien.gallery import live_index
from mien.gallery.gallery import Gallery
from mien.gallery.indexes import INDEXES
from mien.gallery.live_index import LiveIndex
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store, open_store, sqlite_reading
from mien.types import Floats

Make = Callable[[str, int], NewTemplate]


def test_an_index_is_built_in_blocks_and_follows_every_change(
    tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live_index, sqlite_reading):
        monkeypatch.setattr(module, "BLOCK", 4)
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template(f"s{n}", n) for n in range(11)])
    index = LiveIndex(store)
    assert len(index.current()) == 11
    other = open_store(tmp_path / "people.gallery")
    other.remove(other.find("s3")[0].id)
    other.add([template("new", number) for number in range(20, 30)])
    assert len(index.current()) == 20 and index.current() is index.current()


def test_searches_go_on_while_another_search_takes_its_time(
    tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go_on = Event(), Event()
    kind = INDEXES["exact"]

    class Slow:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def __len__(self) -> int:
            return len(self.inner)  # type: ignore[arg-type]

        def search(self, queries: Floats, count: int) -> object:
            if queries[0, 0] == 99:
                waiting.set()
                assert go_on.wait(20)
            return self.inner.search(queries, count)  # type: ignore[attr-defined]

    monkeypatch.setitem(INDEXES, "exact", replace(kind, build=lambda *about: Slow(kind.build(*about))))
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template(f"s{n}", n) for n in range(5)])
    gallery = Gallery(store)
    slow = np.full((1, 16), 99, np.float32)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gallery.search, slow)
        assert waiting.wait(20)
        quick = pool.submit(gallery.search, template("x", 3).embedding[None], 1)
        assert quick.result(20)[0][0].subject == "s3" and not first.done()
        go_on.set()
        assert len(first.result(20)[0]) == 5


def test_threads_search_while_another_enrols_and_erases(tmp_path: Path, identity: Identity, template: Make) -> None:
    """Whoever is enrolled all the time is found all the time, whatever else changes."""
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template(f"s{n}", n) for n in range(8)])
    gallery = Gallery(store)

    def search(number: int) -> list[str]:
        query = template("x", number).embedding[None]
        return [gallery.search(query, 1)[0][0].subject for _ in range(25)]

    with ThreadPoolExecutor(5) as pool:
        searches = [pool.submit(search, number) for number in range(4)]
        for round_ in range(12):
            store.add([template("guest", 100 * round_ + n + 50) for n in range(3)])
            gallery.remove("guest")
        for number, one in enumerate(searches):
            assert set(one.result(60)) == {f"s{number}"}
    assert len(gallery._index.current()) == 8


def test_whoever_is_erased_is_overwritten_in_memory_at_once(
    tmp_path: Path, identity: Identity, template: Make
) -> None:
    gallery = Gallery(create_store(tmp_path / "people.gallery", identity))
    gallery.store.add([template("An", 1), template("Bình", 2)])
    index = gallery._index.current()
    gallery.remove("An")
    assert template("An", 1).embedding.tobytes() not in index._rows.vectors.tobytes()  # type: ignore[attr-defined]
