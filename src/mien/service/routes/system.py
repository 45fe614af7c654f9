"""Operations about the service itself: alive, ready, what it is, which models it has and what they are worth."""

import shutil
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, PlainTextResponse

from mien import __version__
from mien.models.card import ModelCard, ThresholdRow
from mien.service.answers import Answer, RateAnswer
from mien.service.auth.callers import Caller, anybody, needs
from mien.service.config import ServiceConfig
from mien.service.errors import without_paths
from mien.service.state import config_of, engines_of, in_thread, note_load

router = APIRouter(prefix="/v1", tags=["system"])

MIN_FREE = 256 * 2**20
"""Bytes that have to be free on the disk of the service's folder for it to be ready."""


class LiveAnswer(Answer):
    """The process answers."""

    status: Literal["live"]


@router.get("/live", operation_id="live")
async def live() -> LiveAnswer:
    """Whether the process answers; a supervisor restarts it where it does not."""
    return LiveAnswer(status="live")


class ReadyAnswer(Answer):
    """Whether requests can be served, and what is missing."""

    status: Literal["ready", "not ready"]
    problems: list[str]


@router.get("/ready", operation_id="ready", responses={503: {"model": ReadyAnswer}})
async def ready(request: Request) -> JSONResponse:
    """Whether requests can be served: models are open, data can be read, the disk has room."""
    galleries = request.app.state.galleries
    problems = [*find_problems(config_of(request)), *galleries.problems, *await in_thread(galleries.unusable)]
    problems += filter(None, (request.app.state.auditing.problem, request.app.state.expiry.problem))
    problems = [without_paths(one, config_of(request).folder) for one in problems]
    answer = ReadyAnswer(status="not ready" if problems else "ready", problems=problems)
    return JSONResponse(answer.model_dump(), 503 if problems else 200)


def find_problems(config: ServiceConfig) -> list[str]:
    """What keeps the service from serving; models are open since it started."""
    try:
        free = shutil.disk_usage(config.folder).free
    except OSError:
        return ["the service's folder cannot be read: check the disk, and restart the service"]
    if free < MIN_FREE:
        return [f"the disk of the service's folder has {free // 2**20} MB left: free {MIN_FREE // 2**20} MB"]
    return []


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "Numbers in the text format of Prometheus."}},
)
async def get_metrics(request: Request, caller: Annotated[Caller, Depends(needs("read"))]) -> PlainTextResponse:
    """Requests by operation and status, time, and load, for Prometheus; of all workers."""
    await note_load(request.app.state)
    text = await in_thread(request.app.state.metrics.text)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


class LimitsAnswer(Answer):
    """What one request may bring."""

    body_bytes: int
    image_bytes: int
    image_pixels: int
    parts: int
    faces: int


class SystemAnswer(Answer):
    """What this service is."""

    version: str
    detector: str
    recognizer: str
    contract: str
    """Embeddings, galleries and thresholds of this contract fit this service."""
    language: str
    limits: LimitsAnswer
    requests: int
    """Number of requests in work, this one included."""
    waiting: int
    """Number of images that wait for the models."""


@router.get("/system", operation_id="system")
async def system(request: Request, caller: Annotated[Caller, Depends(anybody)]) -> SystemAnswer:
    """Version, models, limits, and how busy the service is."""
    config, engines = config_of(request), engines_of(request)
    limits = {name: getattr(config.limits, name) for name in LimitsAnswer.model_fields}
    return SystemAnswer(
        version=__version__,
        detector=engines.detector_name,
        recognizer=engines.card.name,
        contract=engines.card.contract,
        language=config.language,
        limits=LimitsAnswer(**limits),
        requests=request.app.state.capacity.requests,
        waiting=engines.queue.waiting,
    )


class MeasuredThreshold(Answer):
    """A threshold of a model card."""

    policy: str
    """As requests name it."""
    value: float
    unit: str
    fmr: RateAnswer
    group: str | None
    """The group of people that it was measured on; null is everybody."""
    protocol: str


class ModelAnswer(Answer):
    """A model of this service, with its licence and what it was measured to do."""

    name: str
    kind: Literal["recognizer", "detector", "expert"]
    summary: str
    licence: str
    commercial_use: bool | None
    """Whether the licence of the weights allows it; null where it is not stated."""
    training_data: str
    contract: str | None
    thresholds: list[MeasuredThreshold]


class ModelsAnswer(Answer):
    """The models of this service."""

    models: list[ModelAnswer]


@router.get("/models", operation_id="list_models")
async def list_models(request: Request, caller: Annotated[Caller, Depends(anybody)]) -> ModelsAnswer:
    """The models in use, with licences and measured thresholds."""
    return ModelsAnswer(models=[_model(card) for card in engines_of(request).cards])


def _model(card: ModelCard) -> ModelAnswer:
    is_recognizer = card.embedding is not None
    return ModelAnswer(
        name=card.name,
        kind=card.kind,
        summary=card.summary,
        licence=card.licence,
        commercial_use=card.commercial_use,
        training_data=card.training_data,
        contract=card.contract if is_recognizer else None,
        thresholds=[_threshold(row) for row in (*card.thresholds, *card.group_thresholds)],
    )


def _threshold(row: ThresholdRow) -> MeasuredThreshold:
    low, high = row.fmr_interval or (None, None)
    return MeasuredThreshold(
        policy=f"fmr:{row.fmr:g}",
        value=row.value,
        unit=row.unit,
        fmr=RateAnswer(value=row.fmr, low=low, high=high),
        group=row.group,
        protocol=row.protocol,
    )
