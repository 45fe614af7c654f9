"""What a service is started with: where it keeps its data, on which address it listens, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from mien.image import Limits as ImageLimits
from mien.models.options import DEFAULT_DETECTOR, DEFAULT_OPTIONS, DEFAULT_RECOGNIZER, EngineOptions
from mien.settings import DEFAULTS

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
"""Names of this machine for itself; the others of 127.0.0.0/8 are recognized as addresses."""

MIN_SIDE = 2
"""Minimum length of an image's shorter side, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may bring, and what all requests in work may hold together.

    Attributes:
        body_bytes: maximum size of one request's body.
        image_bytes: maximum size of one image file.
        image_pixels: maximum of width times height of one image.
        parts: maximum number of parts of a multipart body, and of images in a request.
        faces: maximum number of faces in one image.
        header_seconds: a connection whose request has no end of its headers by then is closed.
        body_seconds: a body that takes longer to arrive is refused.
        requests: maximum number of requests in work or waiting.
        waiting_bytes: maximum size of the bodies of all of them.
        waiting_pixels: maximum number of pixels of the images of all of them.
        per_minute: maximum number of requests of one key or account per minute; this machine's own user has no limit.
    """

    body_bytes: int = 48 * 2**20
    image_bytes: int = 16 * 2**20
    image_pixels: int = 50_000_000
    parts: int = 64
    faces: int = 64
    header_seconds: float = 15.0
    body_seconds: float = 30.0
    requests: int = 64
    waiting_bytes: int = 256 * 2**20
    waiting_pixels: int = 400_000_000
    per_minute: int = 1200

    @property
    def of_images(self) -> ImageLimits:
        """What is refused of one image before it is decoded."""
        return ImageLimits(max_bytes=self.image_bytes, max_pixels=self.image_pixels, min_side=MIN_SIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Everything that a service is started with.

    Attributes:
        folder: where it keeps accounts, keys and galleries; made where it is missing.
        host: the address that it listens on.
        port: the port; 0 takes a free one.
        detector: a model's name or the path of its card.
        recognizer: see detector.
        portrait_models: models that portrait checks use besides.
        options: engine and precision.
        language: of answers that do not ask for another.
        limits: see Limits.
        names: further names under which clients may call it, as the Host header has them.
        proxies: addresses of proxies in front of it, whose X-Forwarded-For and X-Forwarded-Proto count.
        tls_cert: certificate file, or None for plain HTTP.
        tls_key: key file of the certificate.
        self_signed: whether it makes its own certificate.
        demo: whether a gallery of two sample portraits is made.
        opentelemetry: whether requests become spans of OpenTelemetry.
        vectors: the address of the database that keeps the vectors of new galleries; None for their files.
        camera_networks: networks in which cameras may be, such as 10.0.0.0/24; without one there are no cameras.
        webhook_networks: networks in which receivers of webhooks may be; without one nothing is sent.
        imports: folders and manifests that may be imported, by the names that requests give.
        scope: what to do with faces for which the measured rate does not hold; see mien.identify.
        identification_fmr: false match rate of searches that ask for none.
        keep_pairs: hours for which decisions on lists of pairs are kept; 0 keeps none.
        log_format: of the log on standard error: text or json.
        workers: processes that answer requests; each has its models, and its share of cores and limits.
        worker: the number of this one, from 0.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8470
    detector: str = DEFAULT_DETECTOR
    recognizer: str = DEFAULT_RECOGNIZER
    portrait_models: tuple[str, ...] = ()
    options: EngineOptions = DEFAULT_OPTIONS
    language: str = "en"
    limits: Limits = field(default_factory=Limits)
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    self_signed: bool = False
    demo: bool = False
    opentelemetry: bool = False
    imports: Mapping[str, Path] = field(default_factory=dict)
    scope: str = DEFAULTS.scope
    identification_fmr: float = DEFAULTS.identification_fmr
    keep_pairs: float = 24.0
    log_format: Literal["text", "json"] = "text"
    workers: int = 1
    worker: int = 0
    vectors: str | None = None
    camera_networks: tuple[str, ...] = ()
    webhook_networks: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def has_tls(self) -> bool:
        """Whether it speaks HTTPS itself."""
        return self.tls_cert is not None or self.self_signed


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself; a name other than localhost is not, whatever it resolves to."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
