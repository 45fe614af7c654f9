"""Counters of the service in the text format of Prometheus: requests by operation and status, time, load. No names.

Labels are operation ids, methods and statuses alone, so nothing that a client sends becomes a label.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
OTHER = "other"


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mien_requests", "Requests by operation and status.", ("operation", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "mien_request_seconds", "Time of a request.", ("operation",), buckets=BUCKETS, registry=self._registry
        )
        self._load = {
            name: Gauge(f"mien_{name}", text, registry=self._registry)
            for name, text in (
                ("requests_in_work", "Requests in work or waiting."),
                ("bytes_in_work", "Bytes of their bodies."),
                ("pixels_in_work", "Pixels of their images."),
                ("images_waiting", "Images that wait for the models."),
                ("erasures_pending", "Galleries with traces of somebody who was erased."),
            )
        }

    def count(self, operation: str | None, status: int, seconds: float) -> None:
        """Count an answered request."""
        name = operation or OTHER
        self._requests.labels(name, str(status)).inc()
        self._seconds.labels(name).observe(seconds)

    def text(self, **load: float) -> bytes:
        """All numbers, with the load of this moment."""
        for name, value in load.items():
            self._load[name].set(value)
        return generate_latest(self._registry)
