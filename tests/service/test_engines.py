"""A request's images go through the shared queue, and leave it when the client hangs up."""

import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path

import httpx
import pytest

from mien.pipeline import CHUNK, bytes_item
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import LARGE, Engines, SharedPipeline, SizedItem, Ticket
from mien.service.errors import ClientGoneError


def test_the_shared_pipeline_gives_what_the_pipeline_gives(engines: Engines, collins_bytes: bytes) -> None:
    item = bytes_item("image", collins_bytes)
    shared = SharedPipeline(engines, Ticket(), engines.recognizer)
    (found,) = shared.analyse([item], cutouts=True)
    (expected,) = engines.pipeline.analyse_chunk([item], cutouts=True)
    assert (found.embeddings == expected.embeddings).all() and len(found.cutouts) == 1
    assert shared.without_recognizer().analyse_chunk([item])[0].embeddings.size == 0


def test_images_of_a_request_are_shared_out_between_the_threads_and_a_large_one_goes_alone(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.queue, "threads", 2)
    sizes = [10, 10, LARGE + 1, LARGE, LARGE + 1, LARGE + 1, 10, 10, 10]
    items = [SizedItem(str(place), lambda _: b"", size) for place, size in enumerate(sizes)]
    groups = [[item.name for item in group] for group in engines.groups(items)]
    assert list(chain(*groups)) == [item.name for item in items]
    assert all(len(group) == 1 for group in groups if {"2", "4", "5"} & set(group))
    assert ["6", "7", "8"] in groups
    assert [len(group) for group in engines.groups(items[:1] * 40)] == [CHUNK, CHUNK, 40 - 2 * CHUNK]
    assert [len(group) for group in engines.groups(items[:1] * 4)] == [2, 2]
    assert list(engines.groups([])) == []


def test_a_request_whose_client_is_gone_gets_nothing_done(engines: Engines, collins_bytes: bytes) -> None:
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(ClientGoneError):
        SharedPipeline(engines, ticket, None).analyse_chunk([bytes_item("image", collins_bytes)])


def test_a_client_that_hangs_up_frees_its_place(
    engines: Engines,
    tmp_path: Path,
    serve_app: Callable[..., AbstractContextManager[str]],
    collins_bytes: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)
    cancelled, begun = threading.Event(), threading.Event()
    cancel = Ticket.cancel
    monkeypatch.setattr(Ticket, "cancel", lambda self: (cancel(self), cancelled.set()))

    def blocked(*_: object, **__: object) -> None:
        begun.set()
        assert cancelled.wait(10)
        raise ClientGoneError

    monkeypatch.setattr(SharedPipeline, "analyse_chunk", blocked)
    body = httpx.Request("POST", "http://localhost/v1/detect", files={"image": collins_bytes})
    head = f"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: {body.headers['content-type']}\r\n"
    with serve_app(app, config) as address:
        connection = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
        connection.sendall(head.encode() + f"Content-Length: {len(body.read())}\r\n\r\n".encode() + body.content)
        assert begun.wait(10) and app.state.capacity.requests == 1 and app.state.capacity.pixels == 512 * 512
        connection.close()
        assert cancelled.wait(10), "the service did not notice that the client hung up"
        assert httpx.get(timeout=60, url=f"{address}/v1/system").json()["requests"] <= 2
    assert (app.state.capacity.requests, app.state.capacity.bytes, app.state.capacity.pixels) == (0, 0, 0)
