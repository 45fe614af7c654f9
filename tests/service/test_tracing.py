"""Requests become spans where that is asked for; they continue the trace of the client, and name operations alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mien.service.tracing import Tracing

trace = pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry's API is not installed")


class Kept(trace.NonRecordingSpan):
    def __init__(self, context: Any, attributes: dict[str, Any]) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.parent = trace.get_current_span(context).get_span_context()
        self.name, self.attributes, self.state = "", dict(attributes), None

    def update_name(self, name: str) -> None:
        self.name = name

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.state = status


class Tracer:
    def __init__(self) -> None:
        self.spans: list[Kept] = []

    @contextmanager
    def start_as_current_span(
        self, name: str, context: Any, kind: Any, attributes: dict[str, Any], *, record_exception: bool
    ) -> Iterator[Kept]:
        assert kind == trace.SpanKind.SERVER and not record_exception, "a message may quote a client"
        self.spans.append(Kept(context, attributes))
        yield self.spans[-1]


def test_a_request_is_a_span_of_its_operation_within_the_trace_of_its_client() -> None:
    tracer = Tracer()
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "authorization": "Bearer secret"}
    with Tracing(tracer).request("POST", "r-1", headers) as span:
        span.end_request("identify", "/v1/galleries/{gallery_id}/identify", 503)
    (found,) = tracer.spans
    assert found.name == "identify" and found.state == trace.StatusCode.ERROR
    assert f"{found.parent.trace_id:032x}" == "a" * 32
    assert found.attributes == {
        "http.request.method": "POST",
        "mien.request_id": "r-1",
        "http.route": "/v1/galleries/{gallery_id}/identify",
        "http.response.status_code": 503,
    }


def test_without_being_asked_nothing_is_traced() -> None:
    with Tracing().request("GET", "r-1", {}) as span:
        span.end_request(None, "-", 404)
    assert isinstance(Tracing.open(), Tracing)
