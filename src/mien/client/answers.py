"""The answers of the service as typed dictionaries. Written by scripts/openapi.py; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class AccountAnswer(TypedDict):
    """A person who signs in."""

    id: str
    name: str
    role: Literal["viewer", "operator", "officer", "administrator"]
    galleries: list[str] | None
    disabled: bool
    invited: bool
    created: str


class AccountsAnswer(TypedDict):
    """All accounts by name."""

    accounts: list[AccountAnswer]


class AddedAnswer(TypedDict):
    """What became of one image."""

    image: str
    enrolled: bool
    status: str
    detail: str
    sample: str | None
    conflicts: list[ConflictAnswer]
    reasons: list[ReasonAnswer]


class AddedSamplesAnswer(TypedDict):
    """What became of all images, in their order."""

    added: int
    images: list[AddedAnswer]


class AuditLogAnswer(TypedDict):
    """One page of the log, the newest entries first."""

    entries: list[EntryAnswer]
    next: str | None


class AuditVerdictAnswer(TypedDict):
    """Whether the log is still what was written."""

    intact: bool
    head: str
    line: int | None
    reason: str


class BoxAnswer(TypedDict):
    """A rectangle in pixels of the upright image; x2 and y2 are exclusive, and it may leave the image."""

    x1: float
    y1: float
    x2: float
    y2: float


class CameraAnswer(TypedDict):
    """A camera."""

    id: str
    name: str
    gallery: str
    policy: str
    state: Literal["starting", "watching", "lost", "failed"]
    message: str
    rate: float
    delay: float
    created: str
    seen: str | None
    keep_unknown: float
    keep_thumbnails: float
    preview: bool


class CameraDeletedAnswer(TypedDict):
    """The camera and its events are gone."""

    id: str


class CameraEventAnswer(TypedDict):
    """Something that happened before a camera."""

    number: int
    at: str
    event: str
    track: int | None
    outcome: str
    subject: str | None
    name: str | None
    score: float | None
    unit: str | None
    threshold: float | None
    samples: int | None
    presentation_attacks: str | None
    reasons: list[str]
    thumbnail: str | None


class CameraEventsAnswer(TypedDict):
    """Events in their order."""

    events: list[CameraEventAnswer]
    after: int


class CamerasAnswer(TypedDict):
    """All cameras of galleries that the caller may see, by name."""

    cameras: list[CameraAnswer]


class CandidateAnswer(TypedDict):
    """A subject that may be meant."""

    id: str
    name: str
    score: float


class CheckAnswer(TypedDict):
    """The verdict on a photograph."""

    outcome: Literal["passed", "failed", "not judged"]
    quality: float | None
    width: int
    height: int
    turn: int
    instructions: list[str]
    rules: list[VerdictAnswer]
    box: BoxAnswer | None


class CompareAnswer(TypedDict):
    """Whether two faces match."""

    decision: DecisionAnswer
    first: ComparedFaceAnswer
    second: ComparedFaceAnswer


class ComparedFaceAnswer(TypedDict):
    """The face of one image that was compared."""

    face: FaceAnswer
    others: int
    ambiguous: bool
    reasons: list[ReasonAnswer]


class ConflictAnswer(TypedDict):
    """A doubt about whom an image shows."""

    kind: Literal["same subject", "duplicate subject"]
    subject: str
    score: float


class ConsentAnswer(TypedDict):
    """What a subject has agreed to."""

    purpose: str
    since: str
    until: str | None
    guardian: str | None
    holds: bool


class CostAnswer(TypedDict):
    """A wanted false match rate, and what thresholds for it do among the gallery's people."""

    policy: str
    threshold: float | None
    fmr: RateAnswer | None
    fnmr: RateAnswer | None
    card_threshold: float | None
    card_fmr: RateAnswer | None
    card_fnmr: RateAnswer | None
    missing: int


class CurveAnswer(TypedDict):
    """Both error rates of one threshold."""

    fmr: float
    fnmr: float


class DecisionAnswer(TypedDict):
    """The decision on one comparison."""

    outcome: Literal["match", "no match", "uncertain"]
    score: float
    unit: str
    threshold: ThresholdAnswer
    notes: list[str]


class DeletedAnswer(TypedDict):
    """What was erased with a gallery."""

    subjects: int


class DetectAnswer(TypedDict):
    """The faces of an image, best first."""

    width: int
    height: int
    faces: list[FaceAnswer]
    detector: str


class Done(TypedDict):
    """It is done."""

    status: NotRequired[Literal["done"]]


class DuplicateAnswer(TypedDict):
    """Two subjects that look like one person."""

    first: str
    first_name: str
    second: str
    second_name: str
    score: float


class EmbedAnswer(TypedDict):
    """The embeddings of an image's faces."""

    width: int
    height: int
    faces: list[EmbeddedFace]
    model: str
    metric: str
    contract: str


class EmbeddedFace(TypedDict):
    """A face with its embedding."""

    face: FaceAnswer
    embedding: list[float]


class EntryAnswer(TypedDict):
    """One thing that was done."""

    line: int
    at: str
    who: str
    what: str
    outcome: str
    gallery: str | None
    subject: str | None
    address: str | None


class ErasedPairsAnswer(TypedDict):
    """How many decisions were erased."""

    pairs: int


class ErasureAnswer(TypedDict):
    """What an erasure did."""

    samples: int
    keys: Literal["erased", "none"]
    log: Literal["emptied", "pending"]
    outside: Literal["none", "logical", "pending"]


class ErrorBody(TypedDict):
    """The body of every answer that is not a success."""

    code: str
    message: str
    details: list[dict[str, Any]]
    request_id: str


class FaceAnswer(TypedDict):
    """One face."""

    box: BoxAnswer
    score: float
    landmarks: list[tuple[float, float]]
    turn: Literal[0, 90, 180, 270]


class GalleriesAnswer(TypedDict):
    """The galleries that the caller may see, by name."""

    galleries: list[GalleryAnswer]


class GalleryAnswer(TypedDict):
    """A gallery."""

    id: str
    name: str
    subjects: int
    samples: int
    model: str
    contract: str
    fits: bool
    keep: Literal["none", "portrait"]
    requires_consent: bool
    grace_days: float | None
    encrypted: bool
    erasure: Literal["done", "pending"]


class HealthAnswer(TypedDict):
    """What is known of a gallery's people."""

    subjects: int
    compared: int
    samples: int
    several: int
    without_consent: int
    pairs: int
    unit: str
    strangers: list[ShareAnswer]
    same: list[ShareAnswer]
    costs: list[CostAnswer]
    curve: list[CurveAnswer]
    decides: ThresholdAnswer | None
    notes: list[str]
    duplicates: list[DuplicateAnswer]


class IdentifiedFace(TypedDict):
    """A face and who it is."""

    face: FaceAnswer
    outcome: Literal["match", "unknown", "ambiguous", "uncertain"]
    subjects: list[CandidateAnswer]
    given_away: bool
    candidates: list[CandidateAnswer]
    reasons: list[ReasonAnswer]


class IdentifyAnswer(TypedDict):
    """Who the faces of a photograph are; no face is an answer too."""

    width: int
    height: int
    faces: list[IdentifiedFace]
    threshold: ThresholdAnswer
    notes: list[str]


class InvitationAnswer(TypedDict):
    """A new account, and the secret with which its person chooses a password, once, within 7 days."""

    account: AccountAnswer
    invitation: str


class JobAnswer(TypedDict):
    """A piece of long work."""

    id: str
    kind: Literal["calibrate", "import", "reenrol", "verify"]
    gallery: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    stage: str
    finished: int
    total: int | None
    created: str
    ended: str | None
    message: str
    result: dict[str, Any]


class JobsAnswer(TypedDict):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class KeyAnswer(TypedDict):
    """What is kept of an API key."""

    id: str
    name: str
    scopes: list[Literal["recognize", "read", "embed", "enrol", "erase", "calibrate", "audit", "galleries", "access"]]
    galleries: list[str] | None
    created: str
    expires: str
    used: str | None
    revoked: bool


class KeysAnswer(TypedDict):
    """All keys, the newest first."""

    keys: list[KeyAnswer]


class LimitsAnswer(TypedDict):
    """What one request may bring."""

    body_bytes: int
    image_bytes: int
    image_pixels: int
    parts: int
    faces: int


class ListedPairAnswer(TypedDict):
    """The decision on one pair of a list."""

    row: int
    id: str | None
    first: str | None
    second: str | None
    outcome: Literal["match", "no match", "uncertain", "failed"]
    score: float | None
    unit: str
    review: bool
    reasons: list[PairReasonAnswer]


class ListedPairsAnswer(TypedDict):
    """One page of the decisions on a list."""

    pairs: list[ListedPairAnswer]
    next: str | None


class LiveAnswer(TypedDict):
    """The process answers."""

    status: Literal["live"]


class MeasuredThreshold(TypedDict):
    """A threshold of a model card."""

    policy: str
    value: float
    unit: str
    fmr: RateAnswer
    group: str | None
    protocol: str


class MergedAnswer(TypedDict):
    """What a merge did."""

    moved: int
    subject: SubjectAnswer


class ModelAnswer(TypedDict):
    """A model of this service, with its licence and what it was measured to do."""

    name: str
    kind: Literal["recognizer", "detector", "expert"]
    summary: str
    licence: str
    commercial_use: bool | None
    training_data: str
    contract: str | None
    thresholds: list[MeasuredThreshold]


class ModelsAnswer(TypedDict):
    """The models of this service."""

    models: list[ModelAnswer]


class MovedAnswer(TypedDict):
    """What became of the sample."""

    moved: bool


class NewKeyAnswer(TypedDict):
    """A key that was just made."""

    key: KeyAnswer
    secret: str


class NewWebhookAnswer(TypedDict):
    """A webhook that was just added."""

    webhook: WebhookAnswer
    secret: str


class PairAnswer(TypedDict):
    """The decision on one pair."""

    outcome: Literal["match", "no match", "uncertain", "failed"]
    score: float | None
    review: bool
    reasons: list[PairReasonAnswer]


class PairReasonAnswer(TypedDict):
    """Why a pair was decided so, or why a person should look at it."""

    code: str
    side: Literal["", "a", "b"]
    message: str
    review: bool


class RateAnswer(TypedDict):
    """A rate with its 95% interval; the interval is missing where it was not measured on other people."""

    value: float
    low: float | None
    high: float | None


class ReadyAnswer(TypedDict):
    """Whether requests can be served, and what is missing."""

    status: Literal["ready", "not ready"]
    problems: list[str]


class ReasonAnswer(TypedDict):
    """Why a rate does not hold for a face, or why a better image should be enrolled."""

    code: str
    message: str
    fmr: RateAnswer | None


class SampleAnswer(TypedDict):
    """An enrolled image of a subject."""

    id: str
    subject: str
    enrolled: str
    has_portrait: bool
    doubts: list[str]


class SamplesAnswer(TypedDict):
    """The samples of a subject in the order of their enrolment."""

    samples: list[SampleAnswer]


class SessionAnswer(TypedDict):
    """Who is signed in, and what they may do."""

    name: str
    permissions: list[
        Literal["recognize", "read", "embed", "enrol", "erase", "calibrate", "audit", "galleries", "access"]
    ]
    galleries: list[str] | None
    csrf: str


class ShareAnswer(TypedDict):
    """The score that a share of pairs is at least as alike as."""

    share: float
    score: float


class SourcesAnswer(TypedDict):
    """What the operator named when the service was started (`--import NAME=PATH`)."""

    sources: list[str]


class SubjectAnswer(TypedDict):
    """A subject."""

    id: str
    name: str
    samples: int
    enrolled: str
    metadata: dict[str, Any]
    consent: ConsentAnswer | None
    state: Literal["active", "suspended"]


class SubjectsAnswer(TypedDict):
    """One page of a list of subjects."""

    subjects: list[SubjectAnswer]
    total: int
    next: str | None


class SystemAnswer(TypedDict):
    """What this service is."""

    version: str
    detector: str
    recognizer: str
    contract: str
    language: str
    limits: LimitsAnswer
    requests: int
    waiting: int


class ThresholdAnswer(TypedDict):
    """What a score was compared with."""

    policy: str
    value: float
    unit: str
    fmr: RateAnswer
    source: Literal["gallery", "card"]
    protocol: str
    contract: str


class ThresholdsAnswer(TypedDict):
    """Thresholds for policies, with the people who are enrolled now."""

    subjects: int
    thresholds: list[ThresholdAnswer]
    notes: list[str]


class UnknownAnswer(TypedDict):
    """The people of a gallery whom nobody knows, those who came last first."""

    people: list[UnknownPersonAnswer]
    ignored: list[UnknownPersonAnswer]


class UnknownErasedAnswer(TypedDict):
    """The visits are gone, and their keys where no other visit of the same hour needs them."""

    visits: int


class UnknownIgnoredAnswer(TypedDict):
    """They are ignored until they are erased."""

    visits: list[VisitAnswer]


class UnknownNamedAnswer(TypedDict):
    """The subject, with the samples of the visits; the visits are gone."""

    subject: SubjectAnswer
    added: int
    conflicts: list[ConflictAnswer]


class UnknownPersonAnswer(TypedDict):
    """Visits that seem to be of one person, the newest first."""

    visits: list[VisitAnswer]


class VerdictAnswer(TypedDict):
    """What one rule says."""

    id: str
    title: str
    state: Literal["pass", "fail", "not assessed"]
    severity: Literal["error", "warning"]
    value: float | None
    sd: float
    unit: str
    limit: str
    reason: str
    box: BoxAnswer | None


class VerifyAnswer(TypedDict):
    """Whether they are."""

    decision: DecisionAnswer
    face: ComparedFaceAnswer
    compared: int


class VerifyPairsAnswer(TypedDict):
    """The decisions on all pairs, in their order."""

    pairs: list[PairAnswer]
    unit: str
    threshold: ThresholdAnswer
    notes: list[str]


class VisitAnswer(TypedDict):
    """Somebody was before a camera, and was not recognized."""

    id: str
    camera: str
    at: str
    expires: str | None


class WebhookAnswer(TypedDict):
    """A webhook."""

    id: str
    name: str
    gallery: str
    host: str
    events: list[str]
    created: str
    waiting: int
    delivered: int
    given_up: int
    reached: str | None
    problem: str


class WebhookDeletedAnswer(TypedDict):
    """The webhook and what waited for it are gone."""

    id: str


class WebhooksAnswer(TypedDict):
    """All webhooks of galleries that the caller may see, by name."""

    webhooks: list[WebhookAnswer]
