"""Finding out who sent a request holds up nobody else."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from mien.service.auth.callers import LOCAL, find_caller
from mien.service.auth.counts import SharedCounts
from mien.service.auth.rates import Rates
from mien.service.auth.store import AccessStore
from mien.service.config import ServiceConfig
from mien.service.errors import ServiceError
from mien.service.state_file import StateFile


def request_with(app: SimpleNamespace, key: str | None) -> Request:
    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
    return Request({"type": "http", "method": "GET", "headers": headers, "app": app, "state": {}})


def test_a_worker_that_counts_does_not_stop_the_other_requests_of_this_one(tmp_path: Path) -> None:
    """The file in which all workers count was waited for in the event loop."""
    access, file, other = AccessStore(tmp_path), StateFile(tmp_path), StateFile(tmp_path)
    _, key = access.create_key("door", ["read"], None, 1e12)
    rates, config = Rates(2, SharedCounts(file, "requests")), ServiceConfig(folder=tmp_path)
    app = SimpleNamespace(state=SimpleNamespace(access=access, rates=rates, config=config))
    counting, released = threading.Event(), threading.Event()

    def count() -> None:
        with other.transaction():
            counting.set()
            released.wait(10)

    async def ask() -> None:
        thread = threading.Thread(target=count)
        thread.start()
        counting.wait(10)
        asked = asyncio.create_task(find_caller(request_with(app, key)))
        # Were the loop to wait with it, nothing would release the other worker.
        await asyncio.sleep(0)
        assert not asked.done()
        released.set()
        thread.join()
        assert (await asked).name == "door"
        assert await find_caller(request_with(app, None)) is LOCAL
        await find_caller(request_with(app, key))
        refused = request_with(app, key)
        with pytest.raises(ServiceError, match="2 requests per minute"):
            await find_caller(refused)
        assert refused.state.caller.name == "door", "the log says who was refused"

    asyncio.run(ask())
    for one in (access, file, other):
        one.close()
