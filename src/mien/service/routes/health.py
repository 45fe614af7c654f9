"""How well a gallery separates its own people: distributions, thresholds with their costs, suspected duplicates."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from mien.gallery.health import Health, HealthRow, measure_health
from mien.gallery.thresholds import ChosenThreshold
from mien.rates import Estimate
from mien.service.answers import Answer, RateAnswer, ThresholdAnswer, notes_answer, threshold_answer
from mien.service.auth.callers import Caller, needs
from mien.service.idempotency import WriteRoute
from mien.service.routes.galleries import GalleryId, gallery_for
from mien.service.state import engines_of, in_thread

router = APIRouter(prefix="/v1/galleries/{gallery_id}", tags=["galleries"], route_class=WriteRoute)

SHOWN = 100
"""Maximum number of suspected duplicates in an answer."""


class CostAnswer(Answer):
    """A wanted false match rate, and what thresholds for it do among the gallery's people."""

    policy: str
    threshold: float | None
    """Chosen on the gallery's own people; null where they are too few."""
    fmr: RateAnswer | None
    fnmr: RateAnswer | None
    """Share of the people's own photographs that do not match them; null where nobody has two."""
    card_threshold: float | None
    card_fmr: RateAnswer | None
    card_fnmr: RateAnswer | None
    missing: int
    """How many more people it takes for a threshold of their own."""


class DuplicateAnswer(Answer):
    """Two subjects that look like one person."""

    first: str
    first_name: str
    second: str
    second_name: str
    score: float


class ShareAnswer(Answer):
    """The score that a share of pairs is at least as alike as."""

    share: float
    score: float


class CurveAnswer(Answer):
    """Both error rates of one threshold."""

    fmr: float
    fnmr: float


class HealthAnswer(Answer):
    """What is known of a gallery's people. It is measured again for each request."""

    subjects: int
    compared: int
    """Subjects that were compared with each other, by one sample each."""
    samples: int
    several: int
    """Compared subjects with more than one sample."""
    without_consent: int
    """Subjects without consent that holds now."""
    pairs: int
    unit: str
    strangers: list[ShareAnswer]
    """Of pairs of different people."""
    same: list[ShareAnswer]
    """Of pairs of samples of one person."""
    costs: list[CostAnswer]
    curve: list[CurveAnswer]
    """Both error rates of thresholds from strict to loose; empty where nobody has two samples."""
    decides: ThresholdAnswer | None
    """What decides in identification by the settings; null where nothing shows that rate."""
    notes: list[str]
    duplicates: list[DuplicateAnswer]
    """Most alike first, at most 100."""


@router.get("/health", operation_id="get_health")
async def get_health(
    request: Request,
    gallery_id: GalleryId,
    caller: Annotated[Caller, Depends(needs("calibrate"))],
    language: Annotated[str, Query(pattern="^(en|vi)$")] = "en",
) -> HealthAnswer:
    """Measure how well a gallery separates its own people, and which of them may be one person."""
    found, card = gallery_for(request, caller, gallery_id), engines_of(request).card
    found.require_fit()

    def work() -> HealthAnswer:
        store = found.gallery.store
        health = measure_health(store, card)
        without = sum(row.consent is None or not row.consent.holds() for row in store.subjects())
        decides = health.decides
        chosen = None if decides is None else threshold_answer(f"fmr:{decides.fmr:g}", ChosenThreshold(decides), card)
        return health_answer(health, chosen, without, language)

    return await in_thread(work)


def health_answer(health: Health, decides: ThresholdAnswer | None, without: int, language: str) -> HealthAnswer:
    """What was measured, as an answer."""
    return HealthAnswer(
        subjects=health.enrolled,
        compared=health.people,
        samples=health.templates,
        several=health.several,
        without_consent=without,
        pairs=health.pairs,
        unit=health.unit,
        strangers=[ShareAnswer(share=share, score=round(score, 3)) for share, score in health.nonmated],
        same=[ShareAnswer(share=share, score=round(score, 3)) for share, score in health.mated],
        costs=[_cost(row) for row in health.rows],
        curve=[CurveAnswer(fmr=fmr, fnmr=fnmr) for fmr, fnmr in health.curve],
        decides=decides,
        notes=notes_answer(health.notes, language),
        duplicates=[
            DuplicateAnswer(
                first=one.a_id, first_name=one.a, second=one.b_id, second_name=one.b, score=round(one.score, 3)
            )
            for one in health.duplicates[:SHOWN]
        ],
    )


def _cost(row: HealthRow) -> CostAnswer:
    return CostAnswer(
        policy=f"fmr:{row.wanted:g}",
        threshold=None if row.threshold is None else round(row.threshold, 4),
        fmr=_rate(row.fmr),
        fnmr=_rate(row.fnmr),
        card_threshold=None if row.card_threshold is None else round(row.card_threshold, 4),
        card_fmr=_rate(row.card_fmr),
        card_fnmr=_rate(row.card_fnmr),
        missing=row.missing,
    )


def _rate(rate: Estimate | None) -> RateAnswer | None:
    return None if rate is None else RateAnswer(value=rate.value, low=rate.low, high=rate.high)
