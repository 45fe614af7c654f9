"""Operations on long work: calibrate, import what the operator named, embed again; list, get and cancel jobs."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from mien.data.manifest_io import read_samples
from mien.data.sample import Problem
from mien.errors import CardError
from mien.gallery.enrolment import enrol_samples
from mien.gallery.reenrolment import reenrol_store
from mien.gallery.threshold_policies import parse_policy
from mien.nearest import SHORT, did_you_mean
from mien.progress import OnProgress, report_progress
from mien.service.answers import Answer, notes_answer, threshold_answer
from mien.service.auth.callers import Caller, anybody, needs
from mien.service.bodies import RequestModel, body
from mien.service.engines import Engines
from mien.service.errors import ServiceError, not_found, without_paths
from mien.service.galleries import OpenGallery
from mien.service.idempotency import WriteRoute
from mien.service.jobs import Job, JobKind, Jobs, JobState
from mien.service.operations import takes
from mien.service.routes.galleries import GalleryId, gallery_for
from mien.service.state import config_of, engines_of
from mien.service.times import time_text

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=WriteRoute)

JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Anybody = Annotated[Caller, Depends(anybody)]
Officer = Annotated[Caller, Depends(needs("calibrate"))]
Enroller = Annotated[Caller, Depends(needs("enrol"))]
Keeper = Annotated[Caller, Depends(needs("galleries"))]


class JobAnswer(Answer):
    """A piece of long work."""

    id: str
    kind: JobKind
    gallery: str
    state: JobState
    stage: str
    finished: int
    total: int | None
    created: str
    ended: str | None
    message: str
    """Why it failed."""
    result: dict[str, Any]
    """What it found, once it is done."""


class JobsAnswer(Answer):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class CalibrateRequest(RequestModel):
    """For which rates thresholds are measured."""

    policies: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)] = ("fmr:1e-3", "fmr:1e-4", "fpir:1e-2")


class ImportRequest(RequestModel):
    """What is enrolled: a folder or manifest under the name that the operator gave it."""

    source: str
    strict: bool = False
    """Whether images with a conflict are left out."""


def jobs_of(request: Request) -> Jobs:
    """The service's jobs."""
    jobs: Jobs = request.app.state.jobs
    return jobs


@router.post(
    "/galleries/{gallery_id}/calibrate",
    operation_id="calibrate",
    status_code=202,
    openapi_extra=takes(CalibrateRequest),
)
async def calibrate(
    request: Request,
    gallery_id: GalleryId,
    caller: Officer,
    asked: Annotated[CalibrateRequest, Depends(body(CalibrateRequest))],
) -> JobAnswer:
    """Measure the thresholds of policies on the gallery's own people; decisions use them from then on."""
    found, engines = gallery_for(request, caller, gallery_id), engines_of(request)
    found.require_fit()
    policies = [parse_policy(one) for one in asked.policies]

    def work(on_progress: OnProgress) -> Mapping[str, Any]:
        rows: list[dict[str, Any]] = []
        for policy in report_progress(policies, "measuring", len(policies), on_progress):
            try:
                chosen = found.threshold(policy)
                threshold = threshold_answer(str(policy), chosen, engines.card).model_dump()
                rows.append(
                    {"policy": str(policy), "threshold": threshold, "notes": notes_answer(chosen.notes, "en")}
                )
            except CardError as reason:
                rows.append({"policy": str(policy), "threshold": None, "notes": [str(reason)]})
        return {"thresholds": rows}

    return _job(jobs_of(request).begin("calibrate", gallery_id, caller.id, work), config_of(request).folder)


@router.post(
    "/galleries/{gallery_id}/import",
    operation_id="import_source",
    status_code=202,
    openapi_extra=takes(ImportRequest),
)
async def import_source(
    request: Request,
    gallery_id: GalleryId,
    caller: Enroller,
    asked: Annotated[ImportRequest, Depends(body(ImportRequest))],
) -> JobAnswer:
    """Enrol a folder or manifest that the operator named when the service was started (`--import NAME=PATH`)."""
    found, engines, sources = (
        gallery_for(request, caller, gallery_id),
        engines_of(request),
        config_of(request).imports,
    )
    found.require_fit()
    if asked.source not in sources:
        hint = did_you_mean(asked.source[:80], sources, SHORT)
        message = f"source: the operator named no such source{hint}: start the service with --import NAME=PATH"
        raise ServiceError(422, "invalid_request", message)
    path = sources[asked.source]

    def work(on_progress: OnProgress) -> Mapping[str, Any]:
        return _import(found, engines, path, asked.strict, on_progress)

    return _job(jobs_of(request).begin("import", gallery_id, caller.id, work), config_of(request).folder)


def _import(
    found: OpenGallery, engines: Engines, path: Path, strict: bool, on_progress: OnProgress
) -> Mapping[str, Any]:
    """Enrol; the names of files are relative to what the operator named."""
    problems: list[Problem] = []
    samples = read_samples(path, problems.append)
    results = enrol_samples(found.gallery, samples, engines.pipeline, engines.card, strict=strict)
    counts: Counter[str] = Counter()
    refused: list[dict[str, str]] = []
    for one in report_progress(results, "enrolling", len(samples), on_progress):
        counts[one.status] += 1
        if not one and len(refused) < REFUSALS:
            place = one.sample.path
            name = str(place.relative_to(path)) if path.is_dir() and place.is_relative_to(path) else place.name
            refused.append({"file": name, "status": one.status, "detail": one.detail.replace(str(place), name)})
    return {"counts": dict(counts), "refused": refused, "rows_left_out": len(problems)}


REFUSALS = 100
"""Maximum number of refused files that a result names."""


@router.post("/galleries/{gallery_id}/reenrol", operation_id="reenrol", status_code=202)
async def reenrol(request: Request, gallery_id: GalleryId, caller: Keeper) -> JobAnswer:
    """Embed a gallery's portraits again with this service's recognizer, and exchange all embeddings in one step."""
    found, engines = gallery_for(request, caller, gallery_id), engines_of(request)

    def work(on_progress: OnProgress) -> Mapping[str, Any]:
        done = reenrol_store(found.gallery.store, engines.recognizer, on_progress=on_progress)
        found.forget_index()
        return {"samples": done.templates, "contract": done.identity.contract}

    return _job(jobs_of(request).begin("reenrol", gallery_id, caller.id, work), config_of(request).folder)


@router.get("/jobs", operation_id="list_jobs")
async def list_jobs(request: Request, caller: Anybody) -> JobsAnswer:
    """List jobs, the newest first; of galleries that the caller may see."""
    folder = config_of(request).folder
    return JobsAnswer(jobs=[_job(one, folder) for one in jobs_of(request).all() if _is_seen(one, caller)])


@router.get("/jobs/{job_id}", operation_id="get_job")
async def get_job(request: Request, job_id: JobId, caller: Anybody) -> JobAnswer:
    """One job with its progress, and its result once it is done."""
    return _job(_find(request, job_id, caller), config_of(request).folder)


@router.delete("/jobs/{job_id}", operation_id="cancel_job")
async def cancel_job(request: Request, job_id: JobId, caller: Anybody) -> JobAnswer:
    """Stop a job at its next step; what it has finished stays. Who began it may, and administrators."""
    job = _find(request, job_id, caller)
    if job.caller != caller.id:
        caller.require("access")
    return _job(jobs_of(request).cancel(job_id), config_of(request).folder)


def _is_seen(job: Job, caller: Caller) -> bool:
    return "read" in caller.permissions and (caller.galleries is None or job.gallery in caller.galleries)


def _find(request: Request, job_id: str, caller: Caller) -> Job:
    job = jobs_of(request).find(job_id)
    if not (_is_seen(job, caller) or job.caller == caller.id):
        raise not_found("job")
    return job


def _job(job: Job, folder: Path) -> JobAnswer:
    return JobAnswer(
        id=job.id,
        kind=job.kind,
        gallery=job.gallery,
        state=job.state,
        stage=job.stage,
        finished=job.finished,
        total=job.total,
        created=time_text(job.created),
        ended=None if job.ended is None else time_text(job.ended),
        message=without_paths(job.message, folder),
        result=dict(job.result),
    )
