"""The pages in a browser: enrol, identify (also by camera), compare, erase, sign in and out, in both languages."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.serving import make_administrator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, collins: np.ndarray) -> Iterator[Any]:
    """Chromium whose camera sees Eileen Collins."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    frame = io.BytesIO()
    Pillow.fromarray(collins).resize((640, 640)).crop((0, 0, 640, 480)).save(frame, "JPEG", quality=95)
    film = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    film.write_bytes(frame.getvalue() * 5)
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def address(engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    config = ServiceConfig(folder=tmp_path, port=0)
    make_administrator(tmp_path, "An", "correct horse")
    with serve_app(create_app(config, engines), config) as found:
        yield found


@pytest.mark.parametrize(
    ("language", "unknown", "erased", "width"),
    [("en", "Unknown", "Erased.", 1280), ("vi", "Không quen", "Đã xóa.", 360)],
)
def test_from_signing_in_to_an_erased_person(
    browser: Any,
    address: str,
    language: str,
    unknown: str,
    erased: str,
    width: int,
    collins_path: Path,
    hopper_path: Path,
    tmp_path: Path,
) -> None:
    pair_list = tmp_path / "pairs.csv"
    pair_list.write_text(f"card;selfie\nx/{collins_path.name};{hopper_path.name}\n")
    context = browser.new_context(viewport={"width": width, "height": 800}, permissions=["camera"])
    page, faults = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/people?language={language}")
    page.fill("#name", "An")
    page.fill("#password", "correct horse")
    page.press("#password", "Enter")

    # A button does nothing before the modules of its page have come.
    page.wait_for_load_state("networkidle")
    page.locator("#new-gallery").click()
    page.locator("#dialog-field input").fill("Door")
    page.locator("#dialog-yes").click()
    page.locator("#gallery option", has_text="Door").wait_for(state="attached")
    page.fill("#name", "Eileen Collins")
    page.fill("#purpose", "entry")
    page.press("#purpose", "Enter")
    page.locator("#subject-name", has_text="Eileen Collins").wait_for()
    page.set_input_files("#photo input[type=file]", collins_path)
    page.locator("#advice .match").wait_for()
    page.locator("#samples img").wait_for()

    page.goto(f"{address}/identify")
    page.set_input_files("#photo input[type=file]", hopper_path)
    page.locator("#result h3", has_text=unknown).wait_for()
    page.locator("[data-camera]").click()
    page.locator("[data-snap]").click()
    page.locator("#result h3", has_text="Eileen Collins").wait_for()

    page.goto(f"{address}/compare")
    page.set_input_files("#first input[type=file]", collins_path)
    page.set_input_files("#second input[type=file]", hopper_path)
    page.locator("#result .no-match").wait_for()
    assert "mien config set group asian" in page.locator("#result .note code").all_text_contents()
    assert "`" not in page.locator("#result").inner_text(), "commands are shown as code, without backticks"
    page.goto(f"{address}/pairs")
    page.set_input_files("#first input[type=file]", [collins_path, hopper_path])
    page.set_input_files("#second input[type=file]", [hopper_path, hopper_path])
    page.locator("#first [data-count]", has_text="2").wait_for()
    page.locator("#compare").click()
    page.locator("#rows tr").nth(1).wait_for()
    assert page.locator("#rows strong.match, #rows strong.uncertain").count() == 1
    page.set_input_files("#list input[type=file]", pair_list)
    page.locator("#list [data-count]", has_text="1").wait_for()
    page.locator("#compare").click()
    with page.expect_download() as saved:
        page.locator("#save").click()
    assert "decisions.csv" in saved.value.suggested_filename
    page.goto(f"{address}/check")
    page.set_input_files("#photo input[type=file]", hopper_path)
    page.locator("#result .not-judged, #result .failed, #result .passed").wait_for()

    page.goto(f"{address}/people")
    page.locator("#subjects button").click()
    page.locator("#erase").click()
    page.locator("#dialog-yes").click()
    page.locator("#status", has_text=erased).wait_for()
    assert page.locator("#subjects button").count() == 0
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), "wider than the screen"
    page.locator("#sign-out").click()
    page.wait_for_url("**/sign-in")
    page.goto(f"{address}/people")
    page.wait_for_url("**/sign-in?to=people")
    context.close()
    assert faults == []
