"""The application: routes, refusals, and what holds for every request, put together. Owns no operation."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from mien import __version__
from mien.errors import MienError
from mien.freed_memory import overwrite_all_small_blocks
from mien.nearest import SHORT, did_you_mean
from mien.service.auditing import Auditing
from mien.service.auth.counts import SharedCounts
from mien.service.auth.lockout import Lockout
from mien.service.auth.rates import Rates
from mien.service.auth.store import AccessStore
from mien.service.bodies import refused_fields
from mien.service.camera_networks import parse_networks
from mien.service.camera_stores import CameraStores
from mien.service.cameras import Cameras
from mien.service.capacity import Capacity
from mien.service.config import ServiceConfig
from mien.service.cursors import Cursors
from mien.service.engines import Engines
from mien.service.errors import ServiceError, body_of, from_http, from_mien, without_paths
from mien.service.event_streams import Streams
from mien.service.expiry import Expiry
from mien.service.face_erasure import FaceErasure
from mien.service.galleries import Galleries
from mien.service.idempotency import Replays
from mien.service.jobs import Jobs
from mien.service.long_work import LongWork
from mien.service.metrics import Metrics
from mien.service.middleware import EveryRequest
from mien.service.operations import ERRORS
from mien.service.pages import PAGE_ROUTES
from mien.service.pair_results import PairResults
from mien.service.routes import (
    access,
    cameras,
    events,
    galleries,
    health,
    jobs,
    pair_lists,
    pairs,
    recognition,
    records,
    stateless,
    subjects,
    system,
    thumbnails,
    unknown,
    webhooks,
)
from mien.service.state import forget_names, note_load
from mien.service.state_file import StateFile
from mien.service.tracing import Tracing
from mien.service.webhook_store import WebhookStore
from mien.service.webhooks import Webhooks

ROUTERS = (
    system.router,
    stateless.router,
    pairs.router,
    galleries.router,
    health.router,
    subjects.router,
    recognition.router,
    jobs.router,
    pair_lists.router,
    cameras.router,
    events.router,
    thumbnails.router,
    unknown.router,
    webhooks.router,
    access.router,
    records.router,
)
"""The groups of operations, in the order of the OpenAPI document."""

ERASE_SECONDS = 5.0
"""How often pending erasures are finished."""

log = logging.getLogger("mien.service")


def create_app(config: ServiceConfig, engines: Engines) -> FastAPI:
    """Put the service together.

    Args:
        config: what it is started with.
        engines: its models; they are closed when it stops.
    """
    capacity, metrics, access_store = Capacity(config.limits), Metrics(), AccessStore(config.folder)
    opened, auditing = Galleries(config.folder, engines.card, config.vectors), Auditing(config.folder)
    state_file = StateFile(config.folder)
    tracing = Tracing.open() if config.opentelemetry else Tracing()

    @asynccontextmanager
    async def until_stopped(_: FastAPI) -> AsyncIterator[None]:
        # Short work, most of which waits for the disk. Python's own default is 6 threads on 2 cores, and as many
        # requests that wait for another worker's transaction would stop all others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(config.limits.requests, "mien-short"))
        engines.queue.on_done = metrics.batch
        app.state.cameras.start()
        if not config.worker:
            # One worker sends for all.
            app.state.webhooks.start()
        finishing = asyncio.create_task(finish_erasures(app.state))
        yield
        finishing.cancel()
        await asyncio.to_thread(app.state.webhooks.close)
        await asyncio.to_thread(app.state.cameras.close)
        await asyncio.to_thread(app.state.jobs.close)
        engines.close()
        opened.close()
        access_store.close()
        auditing.close()
        state_file.close()

    app = FastAPI(
        title="mien",
        summary="Face recognition that says what its decisions are worth",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=until_stopped,
        dependencies=[Depends(refuse_unknown_query)],
        responses=ERRORS,
        separate_input_output_schemas=False,
    )
    app.state.config, app.state.engines, app.state.capacity = config, engines, capacity
    app.state.galleries, app.state.metrics, app.state.auditing = opened, metrics, auditing
    app.state.expiry = Expiry(auditing.erases)
    app.state.pairs = PairResults(state_file, config.folder, config.keep_pairs)
    work = LongWork(opened, engines, config.imports, app.state.pairs)
    app.state.jobs = Jobs(state_file, work.by_kind(), lambda text: without_paths(text, config.folder))
    networks = parse_networks(config.camera_networks)
    stores = CameraStores.open(config.folder)
    app.state.cameras = Cameras(config, stores, networks, lambda one: opened.find(one).path)
    app.state.faces = FaceErasure(stores, opened)
    app.state.webhooks = Webhooks(
        WebhookStore(config.folder, state_file),
        stores.cameras,
        parse_networks(config.webhook_networks),
        count=metrics.deliver,
    )
    app.state.streams = Streams()
    shared = partial(SharedCounts, state_file) if config.workers > 1 else None
    app.state.access, app.state.lockout = access_store, Lockout(shared("failures") if shared else None)
    app.state.rates = Rates(config.limits.per_minute, shared("requests") if shared else None)
    app.state.replays, app.state.cursors = Replays(state_file), Cursors(config.folder)
    app.state.file, app.state.names_remain, app.state.rounds_of_overwriting = state_file, False, 0
    app.add_middleware(
        EveryRequest, config=config, capacity=capacity, metrics=metrics, auditing=auditing, tracing=tracing
    )
    app.add_exception_handler(MienError, _refuse_mien)
    app.add_exception_handler(HTTPException, _refuse_http)
    app.add_exception_handler(RequestValidationError, _refuse_fields)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(PAGE_ROUTES)
    return app


async def finish_erasures(state: State) -> None:
    """Erase, every few seconds, whose consent ended long ago, and empty logs that could not be emptied before.

    One worker does it for all; each overwrites in its memory whom others have erased. What fails is logged and tried
    again.
    """
    while True:
        await asyncio.sleep(ERASE_SECONDS)
        try:
            if await asyncio.to_thread(state.galleries.forget_removed):
                state.rounds_of_overwriting = 2
            if not state.config.worker:
                state.names_remain |= await asyncio.to_thread(state.expiry.erase, state.galleries) > 0
            await asyncio.to_thread(state.auditing.write_left_out)
            if state.config.workers > 1:
                # Another worker may be asked for the numbers of all.
                await note_load(state)
            if state.names_remain:
                await asyncio.to_thread(forget_names, state)
            if state.rounds_of_overwriting:
                await asyncio.to_thread(overwrite_all_small_blocks)
                state.rounds_of_overwriting -= 1
            if not state.config.worker:
                await asyncio.to_thread(state.galleries.finish_erasures)
                await asyncio.to_thread(state.faces.erase_missing_of_others)
                await asyncio.to_thread(state.faces.erase_expired, state.auditing)
                await asyncio.to_thread(state.pairs.erase_old)
        except Exception:
            log.exception("erasures are not finished, and are tried again")


async def refuse_unknown_query(request: Request) -> None:
    """Refuse parameters that the operation does not document, with the nearest right name."""
    if not request.query_params:
        return
    operation = request.app.openapi()["paths"].get(request.scope["route"].path, {}).get(request.method.lower(), {})
    known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    for name in request.query_params:
        if name not in known:
            hint = did_you_mean(name[:80], known, SHORT) or (f"; there are {', '.join(known)}" if known else "")
            shown = name[:80].encode("utf-8", "backslashreplace").decode()
            message = f"there is no parameter '{shown}' here{hint}"
            raise ServiceError(422, "invalid_request", message, [{"field": shown, "problem": "is not known"}])


def _answer(request: Request, reason: ServiceError) -> JSONResponse:
    request.state.refused = reason.code
    content = body_of(reason, request.state.request_id)
    content["message"] = without_paths(content["message"], request.app.state.config.folder)
    return JSONResponse(content, reason.status, reason.headers)


async def _refuse_mien(request: Request, reason: Exception) -> JSONResponse:
    assert isinstance(reason, MienError)
    return _answer(request, from_mien(reason))


async def _refuse_http(request: Request, reason: Exception) -> JSONResponse:
    assert isinstance(reason, HTTPException)
    return _answer(request, from_http(reason.status_code, str(reason.detail), reason.headers))


async def _refuse_fields(request: Request, reason: Exception) -> JSONResponse:
    assert isinstance(reason, RequestValidationError)
    return _answer(request, refused_fields(reason.errors(), ()))
