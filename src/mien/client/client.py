"""The operations of the service as methods: one per operation, named as the OpenAPI document names it."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

from mien.client import answers
from mien.client.transport import ImageFile, Transport

Json = Mapping[str, Any]
Images = Mapping[str, ImageFile | Sequence[ImageFile]]
Language = Literal["en", "vi"]
LOCAL = "http://127.0.0.1:8470"


class Client:
    """A client of one service. Safe to call from several threads, apart from signing in and out.

    Images are bytes of a file, or its path on this machine. Each method raises mien.client.RefusedError where the
    service refuses the request, with the service's code and sentence.

    Args:
        address: of the service.
        key: an API key; None on the service's own machine while it has no accounts, or with sign_in.
        timeout: seconds for one answer.
        verify: whether the certificate is checked, or the file of the certificate to check it by.
        retries: how often a request is sent again after a broken connection, or while the service is busy.
    """

    def __init__(
        self,
        address: str = LOCAL,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        verify: bool | str = True,
        retries: int = 2,
    ) -> None:
        self._transport = Transport(address, key, timeout=timeout, verify=verify, retries=retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 - each method gives its type
        return self._transport.send("GET", path, params=params).json()

    def _send(self, method: str, path: str, **fields: Any) -> Any:  # noqa: ANN401 - each method gives its type
        return self._transport.send(method, path, fields=fields or None).json()

    def _post_images(self, path: str, images: Images, **fields: Any) -> Any:  # noqa: ANN401 - see _get
        return self._transport.send("POST", path, images=images, fields=fields).json()

    # System

    def live(self) -> answers.LiveAnswer:
        """Whether the process answers."""
        return cast("answers.LiveAnswer", self._get("/v1/live"))

    def ready(self) -> answers.ReadyAnswer:
        """Whether requests can be served; a service that is not ready refuses with status 503."""
        return cast("answers.ReadyAnswer", self._get("/v1/ready"))

    def system(self) -> answers.SystemAnswer:
        """Version, models, limits, and how busy the service is."""
        return cast("answers.SystemAnswer", self._get("/v1/system"))

    def list_models(self) -> answers.ModelsAnswer:
        """The models in use, with licences and measured thresholds."""
        return cast("answers.ModelsAnswer", self._get("/v1/models"))

    def get_metrics(self) -> str:
        """Requests, time and load in the text format of Prometheus."""
        return self._transport.send("GET", "/v1/metrics").text

    # Stateless

    def detect(self, image: ImageFile) -> answers.DetectAnswer:
        """Find the faces of an image."""
        return cast("answers.DetectAnswer", self._post_images("/v1/detect", {"image": image}))

    def embed(self, image: ImageFile, *, faces: Literal["all", "largest"] = "all") -> answers.EmbedAnswer:
        """Embed the faces of an image."""
        return cast("answers.EmbedAnswer", self._post_images("/v1/embed", {"image": image}, faces=faces))

    def compare(
        self, first: ImageFile, second: ImageFile, *, threshold: str = "fmr:1e-3", language: Language = "en"
    ) -> answers.CompareAnswer:
        """Compare the most prominent faces of two images."""
        images: dict[str, ImageFile] = {"first": first, "second": second}
        found = self._post_images("/v1/compare", images, threshold=threshold, language=language)
        return cast("answers.CompareAnswer", found)

    def verify_pairs(
        self,
        first: Sequence[ImageFile],
        second: Sequence[ImageFile],
        *,
        threshold: str = "fmr:1e-3",
        language: Language = "en",
    ) -> answers.VerifyPairsAnswer:
        """Compare pairs of photographs: the first of one list with the first of the other, and so on."""
        images = {"first": first, "second": second}
        found = self._post_images("/v1/verify-pairs", images, threshold=threshold, language=language)
        return cast("answers.VerifyPairsAnswer", found)

    def check_portrait(
        self, image: ImageFile, *, rules: Literal["vn-portrait", "icao"] = "vn-portrait", language: Language = "en"
    ) -> answers.CheckAnswer:
        """Check a photograph by rules."""
        found = self._post_images("/v1/portraits/check", {"image": image}, rules=rules, language=language)
        return cast("answers.CheckAnswer", found)

    # Galleries

    def list_galleries(self) -> answers.GalleriesAnswer:
        """List the galleries that the caller may see."""
        return cast("answers.GalleriesAnswer", self._get("/v1/galleries"))

    def create_gallery(
        self,
        name: str,
        *,
        keep: Literal["none", "portrait"] = "portrait",
        requires_consent: bool = False,
        grace_days: float | None = None,
    ) -> answers.GalleryAnswer:
        """Make a gallery of the service's recognizer."""
        fields = {"name": name, "keep": keep, "requires_consent": requires_consent, "grace_days": grace_days}
        return cast("answers.GalleryAnswer", self._send("POST", "/v1/galleries", **fields))

    def get_gallery(self, gallery_id: str) -> answers.GalleryAnswer:
        """One gallery."""
        return cast("answers.GalleryAnswer", self._get(_gallery(gallery_id)))

    def change_gallery(self, gallery_id: str, **changes: Any) -> answers.GalleryAnswer:  # noqa: ANN401 - any field
        """Change name, keep, requires_consent or grace_days of a gallery; what is not named stays."""
        return cast("answers.GalleryAnswer", self._send("PATCH", _gallery(gallery_id), **changes))

    def delete_gallery(self, gallery_id: str, *, name: str | None = None) -> answers.DeletedAnswer:
        """Delete a gallery; with its name repeated, everybody in it too."""
        found = self._transport.send("DELETE", _gallery(gallery_id), params={"name": name})
        return cast("answers.DeletedAnswer", found.json())

    def resolve_thresholds(
        self, gallery_id: str, *, policy: Sequence[str] = ("fmr:1e-4",), language: Language = "en"
    ) -> answers.ThresholdsAnswer:
        """The thresholds of policies, with the people who are enrolled now."""
        found = self._get(f"{_gallery(gallery_id)}/thresholds", policy=list(policy), language=language)
        return cast("answers.ThresholdsAnswer", found)

    def get_health(self, gallery_id: str, *, language: Language = "en") -> answers.HealthAnswer:
        """How well a gallery separates its own people, and which of them may be one person."""
        return cast("answers.HealthAnswer", self._get(f"{_gallery(gallery_id)}/health", language=language))

    # Subjects and samples

    def list_subjects(
        self, gallery_id: str, *, search: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> answers.SubjectsAnswer:
        """One page of subjects by name; `next` of the answer is the cursor of the next one."""
        found = self._get(f"{_gallery(gallery_id)}/subjects", search=search, limit=limit, cursor=cursor)
        return cast("answers.SubjectsAnswer", found)

    def create_subject(
        self,
        gallery_id: str,
        name: str,
        *,
        metadata: Json | None = None,
        consent: Json | None = None,
        state: Literal["active", "suspended"] = "active",
    ) -> answers.SubjectAnswer:
        """Make a subject; consent has purpose, since, until and guardian."""
        fields = {"name": name, "metadata": dict(metadata or {}), "consent": consent, "state": state}
        return cast("answers.SubjectAnswer", self._send("POST", f"{_gallery(gallery_id)}/subjects", **fields))

    def get_subject(self, gallery_id: str, subject_id: str) -> answers.SubjectAnswer:
        """One subject."""
        return cast("answers.SubjectAnswer", self._get(_subject(gallery_id, subject_id)))

    def change_subject(self, gallery_id: str, subject_id: str, **changes: Any) -> answers.SubjectAnswer:  # noqa: ANN401 - any field
        """Change name, metadata, consent or state of a subject; what is not named stays."""
        return cast("answers.SubjectAnswer", self._send("PATCH", _subject(gallery_id, subject_id), **changes))

    def erase_subject(self, gallery_id: str, subject_id: str) -> answers.ErasureAnswer:
        """Erase a subject for good."""
        return cast("answers.ErasureAnswer", self._send("DELETE", _subject(gallery_id, subject_id)))

    def merge_subjects(self, gallery_id: str, subject_id: str, into: str) -> answers.MergedAnswer:
        """Move all samples of a subject to another one, and erase the first."""
        found = self._send("POST", f"{_subject(gallery_id, subject_id)}/merge", into=into)
        return cast("answers.MergedAnswer", found)

    def list_samples(self, gallery_id: str, subject_id: str) -> answers.SamplesAnswer:
        """The samples of a subject."""
        return cast("answers.SamplesAnswer", self._get(f"{_subject(gallery_id, subject_id)}/samples"))

    def add_samples(
        self,
        gallery_id: str,
        subject_id: str,
        images: Sequence[ImageFile],
        *,
        strict: bool = False,
        language: Language = "en",
    ) -> answers.AddedSamplesAnswer:
        """Enrol images of a subject; each one that is refused has its reason."""
        path = f"{_subject(gallery_id, subject_id)}/samples"
        found = self._post_images(path, {"images": list(images)}, strict=strict, language=language)
        return cast("answers.AddedSamplesAnswer", found)

    def get_portrait(self, gallery_id: str, sample_id: str) -> bytes:
        """The portrait of a sample: a JPEG file."""
        return self._transport.send("GET", f"{_sample(gallery_id, sample_id)}/portrait").content

    def move_sample(self, gallery_id: str, sample_id: str, into: str) -> answers.MovedAnswer:
        """Give a sample to another subject."""
        found = self._send("POST", f"{_sample(gallery_id, sample_id)}/move", into=into)
        return cast("answers.MovedAnswer", found)

    def erase_sample(self, gallery_id: str, sample_id: str) -> answers.ErasureAnswer:
        """Erase one sample for good."""
        return cast("answers.ErasureAnswer", self._send("DELETE", _sample(gallery_id, sample_id)))

    # Recognition

    def identify(
        self,
        gallery_id: str,
        image: ImageFile,
        *,
        threshold: str | None = None,
        candidates: int = 5,
        mirrors: bool = False,
        language: Language = "en",
    ) -> answers.IdentifyAnswer:
        """Identify the faces of a photograph."""
        found = self._post_images(
            f"{_gallery(gallery_id)}/identify",
            {"image": image},
            threshold=threshold,
            candidates=candidates,
            mirrors=mirrors,
            language=language,
        )
        return cast("answers.IdentifyAnswer", found)

    def verify_subject(
        self,
        gallery_id: str,
        subject_id: str,
        image: ImageFile,
        *,
        threshold: str = "fmr:1e-3",
        language: Language = "en",
    ) -> answers.VerifyAnswer:
        """Compare the most prominent face of a photograph with a subject."""
        path = f"{_subject(gallery_id, subject_id)}/verify"
        found = self._post_images(path, {"image": image}, threshold=threshold, language=language)
        return cast("answers.VerifyAnswer", found)

    # Jobs

    def calibrate(
        self, gallery_id: str, *, policies: Sequence[str] = ("fmr:1e-3", "fmr:1e-4", "fpir:1e-2")
    ) -> answers.JobAnswer:
        """Measure the thresholds of policies on a gallery's own people, as a job."""
        found = self._send("POST", f"{_gallery(gallery_id)}/calibrate", policies=list(policies))
        return cast("answers.JobAnswer", found)

    def import_source(self, gallery_id: str, source: str, *, strict: bool = False) -> answers.JobAnswer:
        """Enrol a folder or manifest that the operator named, as a job."""
        found = self._send("POST", f"{_gallery(gallery_id)}/import", source=source, strict=strict)
        return cast("answers.JobAnswer", found)

    def reenrol(self, gallery_id: str) -> answers.JobAnswer:
        """Embed a gallery's portraits again with the service's recognizer, as a job."""
        return cast("answers.JobAnswer", self._send("POST", f"{_gallery(gallery_id)}/reenrol"))

    def list_sources(self) -> answers.SourcesAnswer:
        """The names of what may be imported, or compared as pairs."""
        return cast("answers.SourcesAnswer", self._get("/v1/sources"))

    def verify_source(
        self,
        source: str,
        *,
        columns: tuple[str, str] | None = None,
        threshold: str = "fmr:1e-3",
        language: Language = "en",
    ) -> answers.JobAnswer:
        """Compare the pairs of a list that the operator named, as a job; see list_pairs."""
        fields = {"columns": None if columns is None else list(columns), "threshold": threshold, "language": language}
        return cast("answers.JobAnswer", self._send("POST", "/v1/verify-source", source=source, **fields))

    def list_pairs(
        self, job_id: str, *, review: bool = False, limit: int = 50, cursor: str | None = None
    ) -> answers.ListedPairsAnswer:
        """One page of the decisions on a list; with review, those alone that a person should look at."""
        found = self._get(f"/v1/jobs/{job_id}/pairs", review=str(review).lower(), limit=limit, cursor=cursor)
        return cast("answers.ListedPairsAnswer", found)

    def get_pair_image(self, job_id: str, row: int, side: Literal["first", "second"]) -> bytes:
        """A photograph of a pair, made small, as JPEG."""
        return self._transport.send("GET", f"/v1/jobs/{job_id}/pairs/{row}/{side}").content

    def erase_pairs(self, job_id: str) -> answers.ErasedPairsAnswer:
        """Erase the decisions on a list before their time."""
        return cast("answers.ErasedPairsAnswer", self._send("DELETE", f"/v1/jobs/{job_id}/pairs"))

    def list_jobs(self) -> answers.JobsAnswer:
        """Jobs, the newest first."""
        return cast("answers.JobsAnswer", self._get("/v1/jobs"))

    def get_job(self, job_id: str) -> answers.JobAnswer:
        """One job with its progress, and its result once it is done."""
        return cast("answers.JobAnswer", self._get(f"/v1/jobs/{job_id}"))

    def cancel_job(self, job_id: str) -> answers.JobAnswer:
        """Stop a job at its next step; what it has finished stays."""
        return cast("answers.JobAnswer", self._send("DELETE", f"/v1/jobs/{job_id}"))

    # Cameras

    def list_cameras(self) -> answers.CamerasAnswer:
        """Cameras with their state."""
        return cast("answers.CamerasAnswer", self._get("/v1/cameras"))

    def add_camera(
        self,
        name: str,
        gallery: str,
        address: str,
        *,
        threshold: str | None = None,
        keep_unknown: float = 0.0,
        keep_thumbnails: float = 0.0,
        preview: bool = False,
    ) -> answers.CameraAnswer:
        """Add a camera in a network that the operator allowed; it is watched from now on.

        `keep_unknown` is for how many hours samples of people are kept who were not recognized, `keep_thumbnails` for
        how many a thumbnail of each track is kept with its events; 0 keeps none. `preview` lets get_camera_preview
        show what the camera sees.
        """
        fields: dict[str, Any] = {"name": name, "gallery": gallery, "address": address, "threshold": threshold}
        fields |= {"keep_unknown": keep_unknown, "keep_thumbnails": keep_thumbnails, "preview": preview}
        return cast("answers.CameraAnswer", self._send("POST", "/v1/cameras", **fields))

    def delete_camera(self, camera_id: str) -> answers.CameraDeletedAnswer:
        """Stop a camera, and delete it with its events and their thumbnails."""
        return cast("answers.CameraDeletedAnswer", self._send("DELETE", f"/v1/cameras/{camera_id}"))

    def list_camera_events(
        self, camera_id: str, *, after: int = 0, limit: int = 100, language: Language = "en"
    ) -> answers.CameraEventsAnswer:
        """Events of a camera after a number, in order."""
        found = self._get(f"/v1/cameras/{camera_id}/events", after=after, limit=limit, language=language)
        return cast("answers.CameraEventsAnswer", found)

    def stream_camera_events(
        self, camera_id: str, *, after: int = 0, language: Language = "en"
    ) -> Iterator[answers.CameraEventAnswer]:
        """Events of a camera after a number, and each further one as it happens, without end.

        A stream that breaks is opened again after the last event that was given; mien.errors.MienError is raised
        where the service cannot be reached for a minute.
        """
        path = f"/v1/cameras/{camera_id}/events/stream"
        return cast(
            "Iterator[answers.CameraEventAnswer]",
            self._transport.stream(path, after=after, params={"language": language}),
        )

    def get_camera_thumbnail(self, camera_id: str, thumbnail_id: str) -> bytes:
        """The best view of an event's track as JPEG."""
        return self._transport.send("GET", f"/v1/cameras/{camera_id}/thumbnails/{thumbnail_id}").content

    def get_camera_preview(self, camera_id: str) -> bytes:
        """What a camera sees at this moment, as JPEG."""
        return self._transport.send("GET", f"/v1/cameras/{camera_id}/preview").content

    # People whom cameras saw and nobody knows

    def list_unknown(self, gallery_id: str) -> answers.UnknownAnswer:
        """The people whom a gallery's cameras did not recognize, in groups of visits, as far as they are kept."""
        return cast("answers.UnknownAnswer", self._get(f"{_gallery(gallery_id)}/unknown"))

    def get_unknown_portrait(self, gallery_id: str, visit_id: str) -> bytes:
        """The best portrait of a visit as JPEG."""
        return self._transport.send("GET", f"{_gallery(gallery_id)}/unknown/{visit_id}/portrait").content

    def name_unknown(
        self, gallery_id: str, visits: Sequence[str], *, name: str | None = None, subject: str | None = None
    ) -> answers.UnknownNamedAnswer:
        """Make a new subject of visits by name, or add them to a subject by its id; their samples are enrolled."""
        fields = {"visits": list(visits), "name": name, "subject": subject}
        found = self._send("POST", f"{_gallery(gallery_id)}/unknown/name", **fields)
        return cast("answers.UnknownNamedAnswer", found)

    def ignore_unknown(self, gallery_id: str, visits: Sequence[str]) -> answers.UnknownIgnoredAnswer:
        """Let cameras say nothing of somebody any more, until their visits are erased."""
        found = self._send("POST", f"{_gallery(gallery_id)}/unknown/ignore", visits=list(visits))
        return cast("answers.UnknownIgnoredAnswer", found)

    def erase_unknown(self, gallery_id: str, visits: Sequence[str]) -> answers.UnknownErasedAnswer:
        """Erase visits before their hours are over, or those of somebody who is ignored."""
        found = self._send("POST", f"{_gallery(gallery_id)}/unknown/erase", visits=list(visits))
        return cast("answers.UnknownErasedAnswer", found)

    # Webhooks

    def list_webhooks(self) -> answers.WebhooksAnswer:
        """Webhooks, with what waits for them."""
        return cast("answers.WebhooksAnswer", self._get("/v1/webhooks"))

    def add_webhook(
        self, name: str, gallery: str, address: str, *, events: Sequence[str] | None = None
    ) -> answers.NewWebhookAnswer:
        """Send a gallery's camera events to an address that the operator allowed; its secret is in this answer alone.

        A receiver checks deliveries with mien.client.is_signed.
        """
        kinds = None if events is None else list(events)
        fields = {"name": name, "gallery": gallery, "address": address, "events": kinds}
        return cast("answers.NewWebhookAnswer", self._send("POST", "/v1/webhooks", **fields))

    def delete_webhook(self, webhook_id: str) -> answers.WebhookDeletedAnswer:
        """Delete a webhook with what waits for it."""
        return cast("answers.WebhookDeletedAnswer", self._send("DELETE", f"/v1/webhooks/{webhook_id}"))

    # Records

    def list_audit_log(self, *, limit: int = 100, cursor: str | None = None) -> answers.AuditLogAnswer:
        """What was done, the newest first."""
        return cast("answers.AuditLogAnswer", self._get("/v1/audit-log", limit=limit, cursor=cursor))

    def verify_audit_log(self, *, head: str | None = None) -> answers.AuditVerdictAnswer:
        """Whether no line of the audit log was changed, removed or put elsewhere."""
        return cast("answers.AuditVerdictAnswer", self._get("/v1/audit-log/verify", head=head))

    # Access

    def sign_in(self, name: str, password: str) -> answers.SessionAnswer:
        """Sign in; the session's cookie and token are sent from then on."""
        found = cast("answers.SessionAnswer", self._send("POST", "/v1/session", name=name, password=password))
        self._transport.set_csrf(found["csrf"])
        return found

    def sign_out(self) -> answers.Done:
        """Sign out."""
        found = cast("answers.Done", self._send("DELETE", "/v1/session"))
        self._transport.set_csrf("")
        return found

    def get_session(self) -> answers.SessionAnswer:
        """Who the caller is, and what they may do."""
        return cast("answers.SessionAnswer", self._get("/v1/session"))

    def list_accounts(self) -> answers.AccountsAnswer:
        """List all accounts."""
        return cast("answers.AccountsAnswer", self._get("/v1/accounts"))

    def invite_account(
        self,
        name: str,
        role: Literal["viewer", "operator", "officer", "administrator"],
        *,
        galleries: Sequence[str] | None = None,
    ) -> answers.InvitationAnswer:
        """Invite somebody; the answer has the secret with which they choose a password."""
        fields = {"name": name, "role": role, "galleries": None if galleries is None else list(galleries)}
        return cast("answers.InvitationAnswer", self._send("POST", "/v1/accounts", **fields))

    def accept_invitation(self, invitation: str, password: str) -> answers.AccountAnswer:
        """Choose the password of an account to which one was invited."""
        found = self._send("POST", "/v1/invitations", invitation=invitation, password=password)
        return cast("answers.AccountAnswer", found)

    def change_account(self, account_id: str, **changes: Any) -> answers.AccountAnswer:  # noqa: ANN401 - any field
        """Change role or disabled of an account; its sessions end."""
        return cast("answers.AccountAnswer", self._send("PATCH", f"/v1/accounts/{account_id}", **changes))

    def list_keys(self) -> answers.KeysAnswer:
        """List all keys, without their secrets."""
        return cast("answers.KeysAnswer", self._get("/v1/keys"))

    def create_key(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        galleries: Sequence[str] | None = None,
        expires: str | None = None,
    ) -> answers.NewKeyAnswer:
        """Make a key; its secret is in this answer alone. `expires` is ISO 8601; by default after 90 days."""
        limited = None if galleries is None else list(galleries)
        found = self._send("POST", "/v1/keys", name=name, scopes=list(scopes), galleries=limited, expires=expires)
        return cast("answers.NewKeyAnswer", found)

    def rotate_key(self, key_id: str) -> answers.NewKeyAnswer:
        """Give a key another secret; the former one ends at once."""
        return cast("answers.NewKeyAnswer", self._send("POST", f"/v1/keys/{key_id}/rotate"))

    def revoke_key(self, key_id: str) -> answers.KeyAnswer:
        """End a key for good."""
        return cast("answers.KeyAnswer", self._send("DELETE", f"/v1/keys/{key_id}"))


def _gallery(gallery_id: str) -> str:
    return f"/v1/galleries/{gallery_id}"


def _subject(gallery_id: str, subject_id: str) -> str:
    return f"{_gallery(gallery_id)}/subjects/{subject_id}"


def _sample(gallery_id: str, sample_id: str) -> str:
    return f"{_gallery(gallery_id)}/samples/{sample_id}"
