"""Every page can be used by everybody: names, contrast, order of focus, narrow screens, large text, both themes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

from mien.gallery.records import GallerySettings, NewTemplate
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.galleries import Galleries
from mien.service.pages.routes import PAGES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]

FAULTS = """() => {
  const faults = [];
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const name = (one) => one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText || one.title;
  for (const one of document.querySelectorAll("a, button, input, select, textarea, img, canvas, svg")) {
    const given = one.matches("img") ? one.alt : name(one);
    if (shown(one) && !String(given ?? "").trim()) faults.push(`no name: ${one.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) faults.push(`id twice: ${id}`);
  let level = 0;
  for (const one of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!shown(one)) continue;
    const next = Number(one.tagName[1]);
    if (next > level + 1) faults.push(`${one.tagName} after h${level}: ${one.innerText}`);
    level = next;
  }
  const part = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * part(r / 255) + 0.7152 * part(g / 255) + 0.0722 * part(b / 255);
  const behind = (one) => {
    for (let box = one; box; box = box.parentElement) {
      const color = numbers(getComputedStyle(box).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(one) || one.closest(".skip, option, :disabled")) continue;
    const [high, low] = [light(numbers(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  for (const one of document.querySelectorAll("[tabindex]")) {
    if (one.tabIndex > 0) faults.push(`order of focus: ${one.outerHTML.slice(0, 80)}`);
  }
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push("wider than the screen");
  return faults;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(
    engines: Engines, tmp_path_factory: pytest.TempPathFactory, serve_app: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    """A service with a gallery of made-up people who have two samples each."""
    config = ServiceConfig(folder=tmp_path_factory.mktemp("access"), port=0)
    galleries, generator = Galleries(config.folder, engines.card), np.random.default_rng(0)
    store = galleries.create("Door", GallerySettings()).gallery.store
    people = generator.normal(0, 0.06, (60, 128)).astype(np.float32)
    for name in ("a", "b"):
        noisy = people + generator.normal(0, 0.06, people.shape).astype(np.float32)
        store.add([NewTemplate(f"p{n:03d}", f"{name}{n}", vector, None) for n, vector in enumerate(noisy)])
    galleries.close()
    with serve_app(create_app(config, engines), config) as found:
        yield found


@pytest.mark.parametrize(("width", "scheme", "language"), [(390, "light", "vi"), (1280, "dark", "en")])
def test_every_page_has_names_contrast_and_no_sideways_scrolling(
    browser: Any, address: str, width: int, scheme: str, language: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, found = context.new_page(), {}
    for name in (*(one.name for one in PAGES), "sign-in"):
        page.goto(f"{address}/{name}?language={language}")
        page.wait_for_load_state("networkidle")
        found[name] = [*page.evaluate(FAULTS), *serious(page)]
    context.close()
    assert found == {name: [] for name in found}


def serious(page: Any) -> list[str]:
    """What axe-core finds serious, where its package is installed."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        return []
    violations = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in violations if one["impact"] in ("serious", "critical")]


def test_text_of_twice_the_size_stays_within_the_screen(browser: Any, address: str) -> None:
    # 200% zoom of a window of 780 pixels is one of 390 with two device pixels each.
    context = browser.new_context(viewport={"width": 390, "height": 450}, device_scale_factor=2)
    page = context.new_page()
    for name in ("people", "health", "pairs"):
        page.goto(f"{address}/{name}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    context.close()


def test_health_draws_both_error_rates_and_measures_thresholds_again(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/health?language=en")
    page.wait_for_load_state("networkidle")
    page.locator(".curve circle").first.wait_for()
    assert "False non-matches at fmr:0.01" in page.locator(".curve").get_attribute("aria-label")
    page.locator("#calibrate").click()
    page.locator("#status", has_text="The thresholds are measured.").wait_for()
    # By the keyboard alone: the skip link comes first, and leads to the page.
    page.goto(f"{address}/health")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    context.close()
    assert faults == []
