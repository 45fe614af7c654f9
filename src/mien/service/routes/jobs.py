"""Operations on long work: calibrate, import what the operator named, embed again; list, get and cancel jobs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from mien.gallery.threshold_policies import parse_policy
from mien.nearest import SHORT, did_you_mean
from mien.service.answers import Answer
from mien.service.auth.callers import Caller, anybody, needs
from mien.service.bodies import RequestModel, body
from mien.service.errors import ServiceError, not_found
from mien.service.idempotency import WriteRoute
from mien.service.jobs import Job, JobKind, Jobs, JobState
from mien.service.operations import takes
from mien.service.routes.galleries import GalleryId, gallery_for
from mien.service.state import config_of, in_thread
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
    """Empty where the job has none."""
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
    gallery_for(request, caller, gallery_id).require_fit()
    given = {"policies": [str(parse_policy(one)) for one in asked.policies]}
    return job_answer(await in_thread(jobs_of(request).begin, "calibrate", gallery_id, caller.id, given))


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
    gallery_for(request, caller, gallery_id).require_fit()
    require_source(request, asked.source)
    given = {"source": asked.source, "strict": asked.strict}
    return job_answer(await in_thread(jobs_of(request).begin, "import", gallery_id, caller.id, given))


@router.post("/galleries/{gallery_id}/reenrol", operation_id="reenrol", status_code=202)
async def reenrol(request: Request, gallery_id: GalleryId, caller: Keeper) -> JobAnswer:
    """Embed a gallery's portraits again with this service's recognizer, and exchange all embeddings in one step."""
    gallery_for(request, caller, gallery_id)
    return job_answer(await in_thread(jobs_of(request).begin, "reenrol", gallery_id, caller.id, {}))


@router.get("/jobs", operation_id="list_jobs")
async def list_jobs(request: Request, caller: Anybody) -> JobsAnswer:
    """List jobs, the newest first; of galleries that the caller may see."""
    return JobsAnswer(
        jobs=[job_answer(one) for one in await in_thread(jobs_of(request).all) if _is_seen(one, caller)]
    )


@router.get("/jobs/{job_id}", operation_id="get_job")
async def get_job(request: Request, job_id: JobId, caller: Anybody) -> JobAnswer:
    """One job with its progress, and its result once it is done."""
    return job_answer(await in_thread(find_job, request, job_id, caller))


@router.delete("/jobs/{job_id}", operation_id="cancel_job")
async def cancel_job(request: Request, job_id: JobId, caller: Anybody) -> JobAnswer:
    """Stop a job at its next step; what it has finished stays. Who began it may, and administrators."""
    job = await in_thread(find_job, request, job_id, caller)
    if job.caller != caller.id:
        caller.require("access")
    return job_answer(await in_thread(jobs_of(request).cancel, job_id))


def require_source(request: Request, name: str) -> None:
    """Refuse a source that the operator did not name.

    Raises:
        ServiceError: with the nearest right name.
    """
    sources = config_of(request).imports
    if name not in sources:
        hint = did_you_mean(name[:80], sources, SHORT)
        message = f"source: the operator named no such source{hint}: start the service with --import NAME=PATH"
        raise ServiceError(422, "invalid_request", message)


def _is_seen(job: Job, caller: Caller) -> bool:
    return "read" in caller.permissions and (caller.galleries is None or job.gallery in caller.galleries)


def find_job(request: Request, job_id: str, caller: Caller) -> Job:
    """A job that the caller may see.

    Raises:
        ServiceError: there is none.
    """
    job = jobs_of(request).find(job_id)
    if not (_is_seen(job, caller) or job.caller == caller.id):
        raise not_found("job")
    return job


def job_answer(job: Job) -> JobAnswer:
    """A job."""
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
        message=job.message,
        result=dict(job.result),
    )
