"""The log of a service has request ids, and no names, images or embeddings, also where something fails."""

import base64
import json
import logging
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from mien.service.logs import LOG, JsonFormatter, TextFormatter


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the service logs as JSON."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(self.format(record))

    handler, log = Keep(), logging.getLogger(LOG)
    handler.setFormatter(JsonFormatter())
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield found
    log.removeHandler(handler)
    log.setLevel(before)


def test_lines_have_request_ids_and_nothing_of_anybody(
    service: httpx.Client, lines: list[str], collins_bytes: bytes
) -> None:
    gallery = f"/v1/galleries/{service.post('/v1/galleries', json={'name': 'Secret door'}).json()['id']}"
    subject = service.post(f"{gallery}/subjects", json={"name": "Eileen Collins"}).json()["id"]
    service.post(f"{gallery}/subjects/{subject}/samples", files={"images": ("collins.jpg", collins_bytes)})
    text = base64.b64encode(collins_bytes).decode()
    found = service.post(f"{gallery}/identify", json={"image": text}, headers={"x-request-id": "request-0001"})
    assert found.json()["faces"][0]["subjects"][0]["name"] == "Eileen Collins"
    vector = service.post("/v1/embed", files={"image": collins_bytes}).json()["faces"][0]["embedding"]
    service.get(f"{gallery}/subjects", params={"q": "Eileen"})
    service.get("/v1/Eileen")
    # A line is written when its answer has been sent.
    end, waiting = time.monotonic() + 10, threading.Event()
    while len(lines) < 7 and time.monotonic() < end:
        waiting.wait(0.02)
    rows = [json.loads(line) for line in lines]
    (row,) = [one for one in rows if one["request_id"] == "request-0001"]
    assert (row["operation"], row["status"], row["caller"]) == ("identify", 200, "local")
    assert row["route"] == "/v1/galleries/{gallery_id}/identify" and row["milliseconds"] > 0
    log = "\n".join(lines)
    assert len(rows) == 7 and not any(word in log for word in ("Eileen", "Collins", "collins", "Secret"))
    assert text[:40] not in log and str(vector[0])[:8] not in log


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_fault_is_logged_with_its_place_and_without_its_message(formatter: logging.Formatter) -> None:
    try:
        try:
            raise KeyError("Eileen Collins")
        except KeyError as reason:
            raise ValueError("the vector 0.12345 of Eileen Collins") from reason
    except ValueError as reason:
        info = type(reason), reason, reason.__traceback__
    line = formatter.format(logging.LogRecord(LOG, logging.ERROR, "", 0, "request %s failed", ("r-1",), info))
    assert "r-1 failed" in line and "ValueError" in line and "KeyError" in line and "test_logs.py" in line
    assert "Collins" not in line and "0.12345" not in line
