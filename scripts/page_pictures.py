"""Takes the pictures of the service's pages for docs/pictures, with the sample portraits that come with packages.

    python scripts/page_pictures.py           # needs Chromium, and pip install '.[serve,samples]' playwright

Starts a service of its own in a temporary folder. The faces are public-domain portraits (Eileen Collins, Grace
Hopper); the people of the page Gallery health are random numbers.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from mien.data.sample_people import PORTRAITS
from mien.gallery.gallery import Gallery
from mien.gallery.records import NewTemplate
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER, package_file

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SAMPLES = [package_file(*place) for place in PORTRAITS.values()]
WIDE: ViewportSize = {"width": 1280, "height": 820}
NARROW: ViewportSize = {"width": 390, "height": 820}
COLOURS = 64
"""Of the pictures, which keeps them small."""


def main() -> None:
    """Start the service, take the pictures, and stop it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "service"
        make_people(folder / "galleries")
        command = [sys.executable, "-m", "mien", "serve", str(folder), "--demo", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
            assert service.stdout is not None
            address = service.stdout.readline().split()[3]
            try:
                with sync_playwright() as started:
                    browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                    for name, view, scheme, language, act in PICTURES:
                        take(browser, address, name, view, scheme, language, act)
                    browser.close()
            finally:
                service.terminate()


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


Act = Callable[[Page], None]
PICTURES: tuple[tuple[str, ViewportSize, str, str, Act], ...] = (
    ("identify", WIDE, "light", "en", identify),
    ("compare", WIDE, "dark", "en", compare),
    ("pairs", WIDE, "light", "en", pairs),
    ("people", NARROW, "light", "vi", people),
    ("check", NARROW, "dark", "vi", check),
    ("health", WIDE, "light", "en", health),
    ("audit", NARROW, "light", "en", audit),
)
"""Page, size, theme, language, and what is done before the picture is taken."""


def take(browser: Browser, address: str, name: str, view: ViewportSize, scheme: str, language: str, act: Act) -> None:
    """Open a page, do something, and write the picture with few colours."""
    context = browser.new_context(viewport=view, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/{name}?language={language}")
    page.wait_for_load_state("networkidle")
    act(page)
    page.wait_for_load_state("networkidle")
    path = FOLDER / f"page-{name}.png"
    page.locator("main").screenshot(path=path)
    context.close()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
