"""Takes the pictures of pages for docs/pictures in a browser: those of the service, and the page of an audit.

Used by `python scripts/pictures.py`, which needs Chromium and `pip install '.[serve,samples]' playwright` for these.
Starts a service of its own in a temporary folder. The faces are public-domain portraits (Eileen Collins, Grace
Hopper); the people of the page Gallery health are random numbers.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from mien.data.sample_people import PORTRAITS
from mien.gallery.gallery import Gallery
from mien.gallery.records import NewTemplate
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER, package_file

SAMPLES = [package_file(*place) for place in PORTRAITS.values()]
WIDE: ViewportSize = {"width": 1280, "height": 820}
NARROW: ViewportSize = {"width": 390, "height": 820}
COLOURS = 64
"""Of PNG pictures, which keeps them small."""
WINDOW: ViewportSize = {"width": 1160, "height": 815}
SMALL = (800, 562)
"""A window, and the size to which the JPEG of one is shrunk for the README."""


def take_pages(names: Sequence[str], out: Path) -> None:
    """Take the named pictures of the service's pages, and write them into a folder."""
    with tempfile.TemporaryDirectory() as scratch, browser() as started, service(Path(scratch)) as address:
        for name in names:
            take(started, address, PAGES[name], out / name)


def take_audit(report: Path, out: Path) -> None:
    """Take the picture of an audit's page, as it is when it is opened."""
    with browser() as started:
        page = started.new_page(viewport=WINDOW)
        page.goto(report.resolve().as_uri())
        shrunk(page, out)


def shrunk(page: Page, out: Path) -> None:
    """Write what the window shows as a small JPEG."""
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").resize(SMALL, Image.Resampling.LANCZOS).save(out, quality=88)


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, until the block ends."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def service(scratch: Path) -> Iterator[str]:
    """The address of a service with the two sample people and a gallery of made-up ones."""
    make_people(scratch / "service" / "galleries")
    command = [sys.executable, "-m", "mien", "serve", str(scratch / "service"), "--demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        try:
            yield started.stdout.readline().split()[3]
        finally:
            started.terminate()


def make_people(folder: Path) -> None:
    """A gallery of random people with two samples each, for the page Gallery health."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    people = generator.normal(0, 0.06, (200, 128)).astype(np.float32)
    opened = Gallery.create(folder / "made-up.gallery", store.load(DEFAULT_RECOGNIZER).card)
    for name in ("a", "b"):
        noisy = people + generator.normal(0, 0.055, people.shape).astype(np.float32)
        opened.store.add([NewTemplate(f"Person {n:03d}", f"{name}{n}", row, None) for n, row in enumerate(noisy)])
    opened.close()


def identify(page: Page) -> None:
    """Search a face."""
    page.select_option("#gallery", label="Demo")
    page.set_input_files("#photo input[type=file]", SAMPLES[0])
    page.locator("#result .card").first.wait_for()


def compare(page: Page) -> None:
    """Compare two portraits."""
    page.set_input_files("#first input[type=file]", SAMPLES[0])
    page.set_input_files("#second input[type=file]", SAMPLES[1])
    page.locator("#result .card").first.wait_for()


def pairs(page: Page) -> None:
    """Compare two pairs."""
    page.set_input_files("#first input[type=file]", SAMPLES)
    page.set_input_files("#second input[type=file]", [SAMPLES[0], SAMPLES[0]])
    page.locator("#compare").click()
    page.locator("#rows tr").nth(1).wait_for()


def people(page: Page) -> None:
    """Show somebody who is enrolled."""
    page.select_option("#gallery", label="Demo")
    page.locator("#subjects button").first.click()
    page.locator("#samples img").first.wait_for()
    page.wait_for_function("document.querySelector('#samples img').naturalWidth > 0")


def check(page: Page) -> None:
    """Check a portrait."""
    page.set_input_files("#photo input[type=file]", SAMPLES[1])
    page.locator("#result .not-judged, #result .failed, #result .passed").first.wait_for()


def health(page: Page) -> None:
    """Show the made-up people."""
    page.select_option("#gallery", label="made-up")
    page.locator(".curve circle").first.wait_for()


def audit(page: Page) -> None:
    """Wait for the entries."""
    page.locator("#entries tr").first.wait_for()


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, what is done on it before the picture is taken, and how it is shown."""

    page: str
    act: Callable[[Page], None]
    view: ViewportSize
    scheme: str = "light"
    language: str = "en"


PAGES = {
    "service.jpg": Picture("identify", identify, WINDOW),
    "page-identify.png": Picture("identify", identify, WIDE),
    "page-compare.png": Picture("compare", compare, WIDE, "dark"),
    "page-pairs.png": Picture("pairs", pairs, WIDE),
    "page-people.png": Picture("people", people, NARROW, language="vi"),
    "page-check.png": Picture("check", check, NARROW, "dark", "vi"),
    "page-health.png": Picture("health", health, WIDE),
    "page-audit.png": Picture("audit", audit, NARROW),
}
"""A PNG shows what is below the head of the page, a JPEG what the window shows."""


def take(browser: Browser, address: str, one: Picture, path: Path) -> None:
    """Open a page, do something, and write the picture; a PNG has few colours."""
    context = browser.new_context(viewport=one.view, color_scheme=one.scheme)
    page = context.new_page()
    page.goto(f"{address}/{one.page}?language={one.language}")
    page.wait_for_load_state("networkidle")
    one.act(page)
    page.wait_for_load_state("networkidle")
    if path.suffix == ".jpg":
        shrunk(page, path)
    else:
        page.locator("main").screenshot(path=path)
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    context.close()
