"""A service with the default models on a free port, as a client finds it, and two portraits as bytes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.serving import listen


@contextmanager
def listening(app: FastAPI, config: ServiceConfig) -> Iterator[str]:
    """Run an application in a thread; gives its address."""
    with listen(config) as socket:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The default models, opened once for all tests of the service."""
    opened = Engines(ServiceConfig(folder=tmp_path_factory.mktemp("engines")))
    close, opened.close = opened.close, lambda: None  # type: ignore[method-assign]
    yield opened
    close()


@pytest.fixture(scope="session")
def serve_app() -> Callable[[FastAPI, ServiceConfig], object]:
    return listening


@pytest.fixture(scope="module")
def service(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service that has just been started on this machine."""
    config = ServiceConfig(folder=tmp_path_factory.mktemp("service"), port=0)
    with (
        listening(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def collins_bytes(collins_path: Path) -> bytes:
    return collins_path.read_bytes()


@pytest.fixture(scope="session")
def hopper_bytes(hopper_path: Path) -> bytes:
    return hopper_path.read_bytes()
