"""Numbers for Prometheus, without names."""

import os
import subprocess
import sys

import httpx

from mien.service.metrics import SHARED, Metrics, leave_shared_numbers, shared_numbers

WORKER = """
import sys
from mien.service.metrics import Metrics
metrics = Metrics()
metrics.count("detect", 200, 0.2)
metrics.note_load(requests_in_work=int(sys.argv[1]), erasures_pending=1)
print(metrics.text().decode(), flush=True)
sys.stdin.read()
"""


def test_requests_are_counted_by_operation_and_status() -> None:
    metrics = Metrics()
    metrics.count("detect", 200, 0.2)
    metrics.count("detect", 422, 0.01)
    metrics.count(None, 404, 0.001)
    metrics.note_load(requests_in_work=3)
    text = metrics.text().decode()
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


def test_each_worker_answers_for_all_of_them() -> None:
    """Prometheus asked one worker or another, so that its counters went up and down."""
    before = os.environ.get(SHARED)
    with shared_numbers():
        texts, workers = [], []
        for load in (3, 4):
            worker = subprocess.Popen(
                [sys.executable, "-c", WORKER, str(load)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert worker.stdout is not None
            lines = iter(worker.stdout.readline, "\n")
            texts.append("".join(lines))
            workers.append(worker)
        assert 'mien_requests_total{operation="detect",status="200"} 2.0' in texts[1]
        assert "mien_requests_in_work 7.0" in texts[1] and "mien_erasures_pending 1.0" in texts[1]
        for worker in workers:
            worker.communicate("")
        leave_shared_numbers(workers[0].pid)
        last = subprocess.run(
            [sys.executable, "-c", WORKER, "5"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        ).stdout
        assert "mien_requests_in_work 9.0" in last, "who has ended has no requests in work"
        assert 'mien_requests_total{operation="detect",status="200"} 3.0' in last, "and what it counted stays"
    assert os.environ.get(SHARED) == before


def test_a_worker_that_ends_where_nothing_is_shared_is_nobody() -> None:
    leave_shared_numbers(os.getpid())
    assert SHARED not in os.environ
