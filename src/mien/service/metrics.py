"""Numbers of the service in the text format of Prometheus: requests, stages, batches, refusals, decisions, scores.

Labels are operation ids, methods, statuses, codes of refusals, outcomes and ids of galleries that the service has.
Nothing that a client sends becomes a label, and there are no subjects: a histogram of scores says how well a gallery
separates people, and not who was there.

Several workers of a service write their numbers into files of one folder, so that each of them answers for all; see
shared_numbers.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCHES = (1, 2, 4, 8, 16, 32)
SCORES = tuple(round(0.1 * step, 1) for step in range(-2, 21))
"""Edges of scores, for cosine similarities and for distances of unit vectors alike."""
QUALITIES = tuple(range(10, 101, 10))
OTHER, NO_GALLERY = "other", ""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Under which prometheus-client looks for the folder when it is imported."""
LOAD: dict[str, tuple[Literal["livesum", "livemostrecent"], str]] = {
    "requests_in_work": ("livesum", "Requests in work or waiting."),
    "bytes_in_work": ("livesum", "Bytes of their bodies."),
    "pixels_in_work": ("livesum", "Pixels of their images."),
    "images_waiting": ("livesum", "Images that wait for the models."),
    "webhook_deliveries_waiting": (
        "livemostrecent",
        "Deliveries to webhooks that are to be sent, or sent again.",
    ),
    "cameras_watched": ("livemostrecent", "Cameras that are watched."),
    "cameras_not_watched": ("livemostrecent", "Cameras that start, are lost or cannot be watched."),
    "camera_delay_seconds": (
        "livemostrecent",
        "Seconds from when a frame is read to its event, of the slowest camera that is watched.",
    ),
    "erasures_pending": ("livemostrecent", "Galleries with traces of somebody who was erased."),
}
"""The load of a moment: of each worker, or of the service as any of them sees it."""


@contextmanager
def shared_numbers() -> Iterator[None]:
    """Let processes that are started during the block count together."""
    with TemporaryDirectory(prefix="mien-metrics-") as folder:
        before = os.environ.get(SHARED)
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            os.environ.pop(SHARED)
            if before is not None:
                os.environ[SHARED] = before


def leave_shared_numbers(pid: int) -> None:
    """Forget the load of a process that has ended; what it counted stays."""
    if folder := os.environ.get(SHARED):
        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests by operation and status.", "operation", "status")
        self._refusals = self._counter("refusals", "Refused requests by the code of the reason.", "operation", "code")
        self._decisions = self._counter(
            "decisions",
            "Decisions on faces by outcome; without a gallery those of comparisons.",
            "gallery",
            "outcome",
        )
        self._deliveries = self._counter("webhook_deliveries", "Tries of webhooks by outcome.", "outcome")
        self._seconds = self._histogram("request_seconds", "Time of a request.", BUCKETS, "operation")
        self._stages = self._histogram(
            "stage_seconds",
            "Time of a stage: body (reading it), waiting and models (of each image), work (all of a request's own).",
            STAGE_BUCKETS,
            "stage",
        )
        self._batches = self._histogram(
            "batch_images", "Images of a request that went through the models together.", BATCHES
        )
        self._scores = self._histogram("score", "Best score of each searched face.", SCORES, "gallery")
        self._qualities = self._histogram(
            "face_quality", "Detection score of each searched face, in percent.", QUALITIES, "gallery"
        )
        self._load = {
            name: Gauge(f"mien_{name}", text, registry=self._registry, multiprocess_mode=mode)
            for name, (mode, text) in LOAD.items()
        }

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mien_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
        return Histogram(f"mien_{name}", text, labels, buckets=tuple(buckets), registry=self._registry)

    def count(self, operation: str | None, status: int, seconds: float, code: str = "") -> None:
        """Count an answered request.

        Args:
            operation: its id; None where there is none at its address.
            status: of the answer.
            seconds: from its first byte to the end of its answer.
            code: of the reason, where it was refused.
        """
        name = operation or OTHER
        self._requests.labels(name, str(status)).inc()
        self._seconds.labels(name).observe(seconds)
        if code:
            self._refusals.labels(name, code).inc()

    def time(self, stage: str, seconds: float) -> None:
        """Note how long a stage of a request took."""
        self._stages.labels(stage).observe(seconds)

    def batch(self, images: int, waited: float, seconds: float) -> None:
        """Note images of a request that went through the models together.

        Args:
            images: how many.
            waited: seconds that they were in the queue.
            seconds: that all of them took.
        """
        self._batches.observe(images)
        for _ in range(images):
            self.time("waiting", waited)
            self.time("models", seconds / images)

    def decide(self, outcome: str, gallery: str = NO_GALLERY) -> None:
        """Count a decision on a face; gallery is an id, or empty for a comparison without one."""
        self._decisions.labels(gallery, outcome).inc()

    def search(self, outcome: str, gallery: str, score: float | None, quality: float) -> None:
        """Count a search of a face.

        Args:
            outcome: such as match or unknown.
            gallery: the id.
            score: of the best candidate; None where nobody is enrolled.
            quality: detection score of the face, 0 to 1.
        """
        self.decide(outcome, gallery)
        self._qualities.labels(gallery).observe(100 * quality)
        if score is not None:
            self._scores.labels(gallery).observe(score)

    def deliver(self, outcome: str, count: int) -> None:
        """Count deliveries to webhooks: delivered, failed (and tried again) or given_up."""
        self._deliveries.labels(outcome).inc(count)

    def note_load(self, **load: float) -> None:
        """Note the load of this moment; see LOAD."""
        for name, value in load.items():
            self._load[name].set(value)

    def text(self) -> bytes:
        """All numbers; where several workers count together, those of all of them."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        MultiProcessCollector(together := CollectorRegistry())  # type: ignore[no-untyped-call]
        return generate_latest(together)
