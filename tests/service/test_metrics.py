"""Numbers for Prometheus, without names."""

import httpx

from mien.service.metrics import Metrics


def test_requests_are_counted_by_operation_and_status() -> None:
    metrics = Metrics()
    metrics.count("detect", 200, 0.2)
    metrics.count("detect", 422, 0.01)
    metrics.count(None, 404, 0.001)
    text = metrics.text(requests_in_work=3).decode()
    assert 'mien_requests_total{operation="detect",status="200"} 1.0' in text
    assert 'operation="other",status="404"' in text and "mien_requests_in_work 3.0" in text
    assert 'mien_request_seconds_bucket{le="0.25",operation="detect"} 2.0' in text


def test_nothing_that_a_client_sends_becomes_a_label(service: httpx.Client) -> None:
    service.get("/v1/secret-name?name=secret-name", headers={"x-request-id": "secret-name-1"})
    answer = service.get("/v1/metrics")
    assert answer.headers["content-type"].startswith("text/plain") and 'status="404"' in answer.text
    assert "secret" not in answer.text and "mien_erasures_pending 0.0" in answer.text
