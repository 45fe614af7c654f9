"""Spans of requests for OpenTelemetry, where the operator asks for them. Names operations, and nothing of clients.

The API alone is used; which collector gets the spans is configured outside, as OpenTelemetry describes it (its SDK
and exporter, `opentelemetry-instrument`, the variables OTEL_*). Without an SDK nothing is sent.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from mien.errors import MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class Span(Protocol):
    """What the service does with a span."""

    def end_request(self, operation: str | None, route: str, status: int) -> None:
        """Say what became of the request."""


class _Nothing:
    def end_request(self, operation: str | None, route: str, status: int) -> None:
        """Nobody asked for spans."""


class Tracing:
    """Makes a span for each request.

    Args:
        tracer: of OpenTelemetry; None makes none.
    """

    def __init__(self, tracer: "Tracer | None" = None) -> None:
        self._tracer = tracer

    @classmethod
    def open(cls) -> "Tracing":
        """With the tracer of this process.

        Raises:
            MissingExtraError: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry import trace
        except ImportError:
            raise MissingExtraError(
                "--opentelemetry needs its packages: pip install opentelemetry-sdk opentelemetry-exporter-otlp"
            ) from None
        return cls(trace.get_tracer("mien.service"))

    @contextmanager
    def request(self, method: str, request_id: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """A span around one request, which continues the trace of its client.

        Args:
            method: of HTTP.
            request_id: under which the log has it.
            headers: of the request.
        """
        if self._tracer is None:
            yield _Nothing()
            return
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        attributes = {"http.request.method": method, "mien.request_id": request_id}
        with self._tracer.start_as_current_span(
            method, extract(carrier), SpanKind.SERVER, attributes, record_exception=False
        ) as span:
            yield _Request(span)


class _Request:
    def __init__(self, span: Any) -> None:  # noqa: ANN401 - OpenTelemetry's own
        self._span = span

    def end_request(self, operation: str | None, route: str, status: int) -> None:
        """Name the span by its operation."""
        from opentelemetry.trace import StatusCode

        self._span.update_name(operation or "other")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
