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


def test_stages_batches_decisions_and_refusals_are_counted_without_subjects(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes
) -> None:
    gallery = service.post("/v1/galleries", json={"name": "Secret door"}).json()["id"]
    path = f"/v1/galleries/{gallery}"
    subject = service.post(f"{path}/subjects", json={"name": "Eileen Collins"}).json()["id"]
    service.post(f"{path}/subjects/{subject}/samples", files={"images": collins_bytes})
    for data in (collins_bytes, hopper_bytes, b"rubbish"):
        service.post(f"{path}/identify", files={"image": data})
    service.post("/v1/compare", files={"first": collins_bytes, "second": hopper_bytes})
    text = service.get("/v1/metrics").text
    for outcome in ("match", "unknown"):
        assert f'mien_decisions_total{{gallery="{gallery}",outcome="{outcome}"}} 1.0' in text
    assert 'mien_decisions_total{gallery="",outcome="no match"}' in text
    assert f'mien_score_count{{gallery="{gallery}"}} 2.0' in text
    assert f'mien_face_quality_count{{gallery="{gallery}"}} 2.0' in text
    assert 'mien_refusals_total{code="image_not_usable",operation="identify"} 1.0' in text
    for stage in ("body", "waiting", "models", "work"):
        assert f'mien_stage_seconds_count{{stage="{stage}"}}' in text
    assert "mien_batch_images_count" in text and subject not in text
    assert not any(word in text for word in ("Collins", "Secret"))
