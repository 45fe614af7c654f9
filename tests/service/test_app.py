"""What the application does by itself between requests."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.datastructures import State

from mien.service import app
from mien.service.errors import ServiceError


def test_a_full_disk_does_not_end_the_erasure_of_those_whose_consent_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    ended = asyncio.Event()

    def erase(_: object) -> int:
        done.append("erased")
        return done.count("erased") == 1

    def forget() -> None:
        done.append("forgot")
        if done.count("forgot") == 1:
            raise ServiceError(503, "state_not_writable", "the disk is full")

    def finish(loop: asyncio.AbstractEventLoop) -> None:
        done.append("finished")
        loop.call_soon_threadsafe(ended.set)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        galleries = SimpleNamespace(finish_erasures=lambda: finish(loop), forget_removed=lambda: False)
        about = {
            "config": SimpleNamespace(worker=0, workers=1),
            "auditing": SimpleNamespace(write_left_out=lambda: None),
        }
        about |= {"expiry": SimpleNamespace(erase=erase), "file": SimpleNamespace(empty_log=lambda: True)}
        names = {"replays": SimpleNamespace(forget=forget), "jobs": SimpleNamespace(forget_names=lambda: None)}
        names["pairs"] = SimpleNamespace(forget_names=lambda: None, erase_old=lambda: None)
        about["faces"] = SimpleNamespace(
            erase_missing=lambda: None, erase_missing_of_others=lambda: None, erase_expired=lambda auditing: None
        )
        state = State({**about, **names, "galleries": galleries, "names_remain": False, "rounds_of_overwriting": 0})
        task = asyncio.create_task(app.finish_erasures(state))
        await asyncio.wait_for(ended.wait(), 10)
        assert not state.names_remain
        task.cancel()

    monkeypatch.setattr(app, "ERASE_SECONDS", 0)
    asyncio.run(run())
    assert done[:5] == ["erased", "forgot", "erased", "forgot", "finished"], "names are forgotten in the end"
