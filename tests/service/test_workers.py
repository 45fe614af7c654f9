"""Workers of one service: each sees what another one has acknowledged, and one that ends is started again."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI

from mien.client import Client, RefusedError
from mien.errors import SettingsError
from mien.gallery.records import GallerySettings, Identity, NewTemplate
from mien.models.engines import usable_cores
from mien.service import workers as module
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.errors import ServiceError
from mien.service.galleries import Galleries
from mien.service.workers import serve_by_workers, share_of


@pytest.fixture(scope="module")
def both(
    engines: Engines, serve_app: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Client, Client]]:
    """Clients of two workers of one service, each of which is known by its own address here."""
    config = ServiceConfig(folder=tmp_path_factory.mktemp("workers"), port=0, workers=2)

    def app(number: int) -> FastAPI:
        return create_app(replace(config, worker=number), engines)

    with (
        serve_app(app(0), config) as one,
        serve_app(app(1), config) as other,
        Client(one) as first,
        Client(other) as second,
    ):
        yield first, second


def test_every_worker_sees_every_change_that_was_acknowledged(both: tuple[Client, Client]) -> None:
    """Alternating writes and reads; 10,000 of them are in docs/log.md."""
    gallery = both[0].create_gallery("shared")["id"]
    known: list[str] = []
    for number in range(30):
        writer, reader = both[number % 2], both[1 - number % 2]
        known.append(writer.create_subject(gallery, f"subject {number}")["id"])
        assert reader.get_subject(gallery, known[-1])["name"] == f"subject {number}"
        if number % 3 == 2:
            writer.erase_subject(gallery, gone := known.pop(0))
            with pytest.raises(RefusedError, match=r"no such subject|no subject"):
                reader.get_subject(gallery, gone)
    assert {one["id"] for one in both[1].list_subjects(gallery)["subjects"]} == set(known)


def test_a_face_that_one_worker_enrolled_is_found_by_the_other_and_no_more_after_its_erasure(
    both: tuple[Client, Client], collins_bytes: bytes
) -> None:
    gallery = both[0].create_gallery("faces")["id"]
    for number in range(4):
        writer, reader = both[number % 2], both[1 - number % 2]
        subject = writer.create_subject(gallery, f"Collins {number}")["id"]
        writer.add_samples(gallery, subject, [collins_bytes])
        [face, *_] = reader.identify(gallery, collins_bytes)["faces"]
        assert [one["id"] for one in face["candidates"]] == [subject]
        writer.erase_subject(gallery, subject)
        [face, *_] = reader.identify(gallery, collins_bytes)["faces"]
        assert face["candidates"] == []


def test_a_gallery_that_another_worker_deleted_is_gone_and_one_that_it_made_is_there(
    both: tuple[Client, Client],
) -> None:
    made = both[1].create_gallery("made by the second")["id"]
    assert made in {one["id"] for one in both[0].list_galleries()["galleries"]}
    assert both[0].get_gallery(made)["name"] == "made by the second"
    both[0].delete_gallery(made)
    with pytest.raises(RefusedError, match="no such gallery"):
        both[1].get_gallery(made)
    assert made not in {one["id"] for one in both[1].list_galleries()["galleries"]}


def test_a_gallery_that_another_worker_embedded_again_is_opened_again(engines: Engines, tmp_path: Path) -> None:
    one, other = Galleries(tmp_path, engines.card), Galleries(tmp_path, engines.card)
    made = one.create("Door", GallerySettings())
    held = other.find(made.id)
    made.gallery.store.replace_embeddings(Identity("another", "model", "cosine", 8), {})
    assert other.find(made.id) is held and held.gallery.store.identity.contract == "another" and not held.fits
    other.delete(made.id, None, lambda: None)
    with pytest.raises(ServiceError, match="no such gallery"):
        one.find(made.id)
    one.close()
    other.close()


def test_vectors_that_one_worker_erased_are_forgotten_by_the_others_which_nobody_asks(
    engines: Engines, tmp_path: Path
) -> None:
    one, other = Galleries(tmp_path, engines.card), Galleries(tmp_path, engines.card)
    made = one.create("Door", GallerySettings())
    vectors = np.eye(2, made.gallery.store.identity.dimension, dtype=np.float32)
    made.gallery.store.add([NewTemplate(name, name, row, None) for name, row in zip("ab", vectors, strict=True)])
    held = other.find(made.id).gallery
    assert held.search(vectors[:1], 1)[0][0].subject == "a"
    index = held._index._index
    made.gallery.remove("a")
    assert len(index) == 2 and other.forget_removed() and not other.forget_removed()
    assert len(held._index._index) == 1
    one.close()
    other.close()


def test_all_workers_together_take_what_one_process_would(tmp_path: Path) -> None:
    config = ServiceConfig(folder=tmp_path, workers=4, demo=True)
    shares = [share_of(config, number) for number in range(4)]
    assert [one.worker for one in shares] == [0, 1, 2, 3] and [one.demo for one in shares] == [True, *[False] * 3]
    assert sum(one.limits.requests for one in shares) == config.limits.requests
    assert sum(one.limits.waiting_bytes for one in shares) <= config.limits.waiting_bytes
    assert {one.options.threads for one in shares} == {max(1, usable_cores() // 4)}
    assert share_of(replace(config, workers=1), 0).limits == config.limits


@pytest.fixture
def address() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


def test_what_refuses_the_first_worker_is_said_once_and_starts_no_other(
    tmp_path: Path, address: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ServiceConfig(folder=tmp_path, workers=3, recognizer="no-such-model")
    started: list[int] = []
    whole = module._Worker.start
    monkeypatch.setattr(module._Worker, "start", lambda self: started.append(self._config.worker) or whole(self))
    with pytest.raises(SettingsError, match="no-such-model"):
        serve_by_workers(config, address, lambda: pytest.fail("it must not listen"))
    assert started == [0]


def test_a_worker_that_was_killed_is_started_again_after_a_pause(
    tmp_path: Path, address: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_run", _sleep)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)
    worker = module._Worker(ServiceConfig(folder=tmp_path), address)
    worker.start()
    first = worker._process
    worker.look_after()
    assert worker._process is first
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    with caplog.at_level(logging.WARNING, logger="mien.service"):
        worker.look_after()
    assert "worker 0 ended (exit code -9); it starts again" in caplog.text
    while worker._process is first:
        worker.look_after()
    assert worker._process.is_alive()
    worker.stop()
    worker.join()
    assert not worker._process.is_alive()


def test_a_worker_that_cannot_start_again_says_why_in_the_log(
    tmp_path: Path, address: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_run", _refuse)
    worker = module._Worker(ServiceConfig(folder=tmp_path, worker=2), address)
    worker.start()
    worker._process.join()
    with caplog.at_level(logging.WARNING, logger="mien.service"):
        worker.look_after()
    assert "worker 2 ended (the model is gone: pull it again); it starts again" in caplog.text


def _refuse(config: ServiceConfig, listening: socket.socket, pipe: Connection) -> None:
    """A worker that cannot start."""
    pipe.send("the model is gone: pull it again")
    raise SystemExit(3)


def _sleep(config: ServiceConfig, listening: socket.socket, pipe: object) -> None:
    """A worker that answers nothing and ends when it is terminated."""
    threading.Event().wait(60)
