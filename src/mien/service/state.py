"""What routes find in their application: its config, models and limits. Holds nothing itself."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.datastructures import State
from starlette.requests import Request

from mien.freed_memory import overwrite_small_blocks
from mien.service.config import Limits, ServiceConfig
from mien.service.engines import Engines
from mien.service.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")


def config_of(request: Request) -> ServiceConfig:
    """What the service was started with."""
    config: ServiceConfig = request.app.state.config
    return config


def limits_of(request: Request) -> Limits:
    """Its limits."""
    return config_of(request).limits


def engines_of(request: Request) -> Engines:
    """Its models."""
    engines: Engines = request.app.state.engines
    return engines


def metrics_of(request: Request) -> Metrics:
    """Its numbers."""
    metrics: Metrics = request.app.state.metrics
    return metrics


async def in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do something slow, such as hashing a password, while other requests go on."""
    return await asyncio.to_thread(work, *arguments, **named)


async def note_load(state: State) -> None:
    """Put the load of this moment into the metrics."""
    state.metrics.note_load(
        requests_in_work=state.capacity.requests,
        bytes_in_work=state.capacity.bytes,
        pixels_in_work=state.capacity.pixels,
        images_waiting=state.engines.queue.waiting,
        webhook_deliveries_waiting=await in_thread(state.webhooks.waiting),
        **await in_thread(state.cameras.load),
        erasures_pending=await in_thread(state.galleries.pending_erasures),
    )


def forget_names(state: State) -> None:
    """Drop what the service keeps of earlier answers, jobs and events, after somebody who may be in them was erased.

    Also overwrites what is left of names and keys in freed memory; see mien.freed_memory. What fails is tried again
    by mien.service.app.

    Raises:
        ServiceError: it cannot be written.
    """
    state.names_remain = True
    state.replays.forget()
    state.jobs.forget_names()
    state.pairs.forget_names()
    state.faces.erase_missing()
    overwrite_small_blocks()
    # Searches that still run may free some of it later.
    state.rounds_of_overwriting = 2
    # Where another worker keeps the log from being emptied, all of it is done again later.
    state.names_remain = not state.file.empty_log()
