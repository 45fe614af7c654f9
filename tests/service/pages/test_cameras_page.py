"""The page Cameras in a browser: events are there as they happen, and an administrator adds a webhook."""

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.client import Client
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service import event_streams
from mien.service.app import create_app
from mien.service.config import ServiceConfig

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]


def test_events_come_by_a_stream_and_by_asking_where_there_is_none(
    tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    card = store.load(DEFAULT_RECOGNIZER).card
    engines = SimpleNamespace(card=card, queue=SimpleNamespace(waiting=0), close=lambda: None)
    config = ServiceConfig(folder=tmp_path, port=0, webhook_networks=("10.0.0.0/8",))
    app = create_app(config, engines)  # type: ignore[arg-type]
    with serve_app(app, config) as address, playwright.sync_playwright() as started:
        with Client(address) as client:
            gallery = client.create_gallery("Door")["id"]
        cameras = app.state.cameras.store
        camera = cameras.add("Entrance", gallery, "rtsp://10.0.0.7/door", "fmr:1e-4").id

        def happen(track: int) -> None:
            body = {"event": "appeared", "track": track, "outcome": "unknown", "reasons": []}
            cameras.add_event(camera, time.time(), body)

        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page, asked = browser.new_page(), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/cameras")
        happen(1)
        with page.expect_request("**/events/stream*"):
            page.locator("#cameras button").first.click()
        page.locator("#events tr").nth(0).wait_for()
        happen(2)
        page.locator("#events tr").nth(1).wait_for()
        assert page.locator("#events tr td:nth-child(3)").all_text_contents() == ["2", "1"]
        assert sum("/events?" in url for url in asked) == 1, "the stream is used, and no polling"
        monkeypatch.setattr(event_streams, "PER_CALLER", 0)
        with page.expect_response(lambda answer: answer.status == 429):
            app.state.streams.end()
        happen(3)
        page.locator("#events tr").nth(2).wait_for()
        page.fill("#webhook-name", "Desk")
        page.fill("#webhook-address", "http://10.0.0.8/in?token=hidden")
        page.press("#webhook-address", "Enter")
        page.locator("#webhooks li", has_text="http://10.0.0.8:80; 0 delivered").wait_for()
        assert page.locator("#secret-value").text_content().startswith("mien_hook_")
        assert "hidden" not in page.locator("#webhooks").text_content()
        page.screenshot(path=tmp_path / "page.png", full_page=True)
        app.state.streams.end()
        browser.close()
