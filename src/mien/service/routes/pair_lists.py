"""Operations on lists of pairs that are too long for one request: compare one that the operator named, as a job;
list its decisions, look at its photographs, erase them."""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from mien.errors import ImageError
from mien.gallery.threshold_policies import parse_policy, resolve_without_gallery
from mien.image import read_photo
from mien.service.answers import Answer, PairReasonAnswer
from mien.service.auditing import note
from mien.service.bodies import RequestModel, body
from mien.service.cursors import Cursors
from mien.service.errors import not_found
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.pair_results import KeptPair, PairResults
from mien.service.routes.jobs import Enroller, JobAnswer, JobId, find_job, job_answer, jobs_of, require_source
from mien.service.routes.stateless import Language
from mien.service.state import config_of, engines_of, in_thread, limits_of
from mien.thumbnail import small_jpeg

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=WriteRoute)

PAGE, MAX_PAGE = 50, 500
SHOWN = 480
"""Pixels along the longer side of a photograph that is shown."""


class SourcesAnswer(Answer):
    """What the operator named when the service was started (`--import NAME=PATH`)."""

    sources: list[str]


class VerifySourceRequest(RequestModel):
    """A list of pairs: a CSV file with two columns of images, or a folder with two folders of images."""

    source: str
    columns: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)] | None = None
    """The names of the two columns of images; null finds them."""
    threshold: str = "fmr:1e-3"
    """The false match rate whose threshold decides: fmr:1e-3."""
    language: Language = "en"
    """Of the reasons."""


class ListedPairAnswer(Answer):
    """The decision on one pair of a list."""

    row: int
    """Its line in the list."""
    id: str | None
    """What the list calls it; null once names were forgotten, since somebody was erased."""
    first: str | None
    """The first image as the list has it, without folders of the server."""
    second: str | None
    outcome: Literal["match", "no match", "uncertain", "failed"]
    score: float | None
    unit: str
    review: bool
    """Whether a person should look at it: a score near the threshold, an uncertain decision, a second face."""
    reasons: list[PairReasonAnswer]


class ListedPairsAnswer(Answer):
    """One page of the decisions on a list."""

    pairs: list[ListedPairAnswer]
    next: str | None
    """The cursor of the next page; null on the last one."""


class ErasedPairsAnswer(Answer):
    """How many decisions were erased."""

    pairs: int


def results_of(request: Request) -> PairResults:
    """The decisions on lists."""
    found: PairResults = request.app.state.pairs
    return found


@router.get("/sources", operation_id="list_sources")
async def list_sources(request: Request, caller: Enroller) -> SourcesAnswer:
    """List the names of what may be imported, or compared as pairs."""
    return SourcesAnswer(sources=sorted(config_of(request).imports))


@router.post(
    "/verify-source",
    operation_id="verify_source",
    status_code=202,
    openapi_extra=takes(VerifySourceRequest),
)
async def verify_source(
    request: Request,
    caller: Enroller,
    asked: Annotated[VerifySourceRequest, Depends(body(VerifySourceRequest))],
) -> JobAnswer:
    """Compare the pairs of a list that the operator named when the service was started (`--import NAME=PATH`)."""
    require_source(request, asked.source)
    policy = parse_policy(asked.threshold)
    resolve_without_gallery(policy, engines_of(request).card)
    given = {
        "source": asked.source,
        "columns": asked.columns,
        "threshold": str(policy),
        "language": asked.language,
    }
    return job_answer(await in_thread(jobs_of(request).begin, "verify", "", caller.id, given))


@router.get("/jobs/{job_id}/pairs", operation_id="list_pairs")
async def list_pairs(
    request: Request,
    job_id: JobId,
    caller: Enroller,
    review: bool = False,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> ListedPairsAnswer:
    """List the decisions on a list's pairs as far as they are made, for as long as the operator keeps them.

    With `review`, only those that a person should look at, nearest to the threshold first.
    """
    note(request.state, subject=job_id)
    cursors: Cursors = request.app.state.cursors
    bound = {"caller": caller.id, "list": f"pairs {job_id} {review}"}
    start = 0 if cursor is None else int(cursors.read(cursor, **bound))

    def work() -> ListedPairsAnswer:
        find_job(request, job_id, caller)
        found = results_of(request).page(job_id, review=review, start=start, count=limit + 1)
        more = cursors.write(start + limit, **bound) if len(found) > limit else None
        return ListedPairsAnswer(pairs=[_listed(one) for one in found[:limit]], next=more)

    return await in_thread(work)


@router.get(
    "/jobs/{job_id}/pairs/{row}/{side}",
    operation_id="get_pair_image",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The photograph, made small."}},
)
async def get_pair_image(
    request: Request,
    job_id: JobId,
    row: Annotated[int, Field(ge=1, le=2**31)],
    side: Literal["first", "second"],
    caller: Enroller,
) -> Response:
    """A photograph of a pair, made small, to look at. It is read from what the operator named, and not kept."""
    note(request.state, subject=job_id)

    def work() -> bytes:
        find_job(request, job_id, caller)
        pair = results_of(request).find(job_id, row)
        path = "" if pair is None or pair.names is None else getattr(pair.names, side)
        if not path:
            raise not_found("photograph")
        try:
            photo = read_photo(Path(path), longest=SHOWN, limits=limits_of(request).of_images)
        except (ImageError, OSError):
            raise not_found("photograph") from None
        return small_jpeg(photo.image, SHOWN)

    return Response(await in_thread(work), media_type="image/jpeg")


@router.delete("/jobs/{job_id}/pairs", operation_id="erase_pairs")
async def erase_pairs(request: Request, job_id: JobId, caller: Enroller) -> ErasedPairsAnswer:
    """Erase the decisions on a list before their time. Who began the job may, and administrators."""

    def work() -> ErasedPairsAnswer:
        job = find_job(request, job_id, caller)
        if job.caller != caller.id:
            caller.require("access")
        erased = results_of(request).erase(job_id)
        request.app.state.file.empty_log()
        return ErasedPairsAnswer(pairs=erased)

    return await in_thread(work)


def _listed(one: KeptPair) -> ListedPairAnswer:
    names = one.names
    return ListedPairAnswer(
        row=one.row,
        id=None if names is None else names.id,
        first=None if names is None else shown_name(names.a),
        second=None if names is None else shown_name(names.b),
        review=one.review,
        **one.decision,
    )


def shown_name(cell: str) -> str:
    """An image as a list has it, without folders of the server."""
    return Path(cell).name if Path(cell).is_absolute() else cell
