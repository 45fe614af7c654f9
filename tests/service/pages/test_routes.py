"""Pages come in the reader's language, hold nothing inline and nothing of other machines, and are small."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from mien.messages import find_catalogue
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.pages import routes
from mien.service.pages.routes import PAGES
from mien.service.serving import make_administrator

STATIC = Path(routes.__file__).parent / "static"
NAMES = [page.name for page in PAGES] + ["sign-in"]


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small_and_holds_nothing_inline(service: httpx.Client, name: str, language: str) -> None:
    answer = service.get(f"/{name}", params={"language": language})
    html = answer.text
    assert answer.status_code == 200 and f'<html lang="{language}">' in html
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", html)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert not re.search(r"https?://", html.replace(str(service.base_url), ""))
    static = set(re.findall(r'"(/static/[^"]+)"', html))
    scripts = [service.get(path).content for path in static]
    assert len(static) == 4 and sum(map(len, scripts)) + len(answer.content) < 60_000
    assert find_catalogue(language).texts[f"service.{name}.title"] in html


def test_the_language_is_that_of_the_browser_until_another_one_is_chosen(service: httpx.Client) -> None:
    with httpx.Client(timeout=60, base_url=service.base_url, headers={"accept-language": "fr,vi;q=0.8"}) as client:
        assert '<html lang="vi">' in client.get("/identify").text
        assert '<html lang="en">' in client.get("/identify", params={"language": "en"}).text
        assert '<html lang="en">' in client.get("/compare").text, "the choice is kept"
        assert (
            '<html lang="vi">'
            in httpx.get(timeout=60, url=f"{service.base_url}/compare?language=xx", headers=client.headers).text
        )


def test_every_text_that_a_script_names_is_in_the_catalogues() -> None:
    known = {code.removeprefix(routes.TEXTS) for code in find_catalogue("en").texts if code.startswith(routes.TEXTS)}
    named = {
        code for path in STATIC.glob("*.js") for code in re.findall(r'\btext\("([^"$]+)"', path.read_text("utf-8"))
    }
    assert len(named) > 30 and named <= known, sorted(named - known)


@pytest.mark.parametrize("name", ["../routes.py", "..%2froutes.py", "nothing.js", "app.css.map", "%00.js", ""])
def test_no_other_file_is_served(service: httpx.Client, name: str) -> None:
    answer = service.get(f"/static/x/{name}")
    assert answer.status_code == 404 and set(answer.json()) == {"code", "message", "details", "request_id"}


def test_static_files_are_kept_by_browsers_and_pages_are_not(service: httpx.Client) -> None:
    static = service.get("/static/x/app.css")
    assert "immutable" in static.headers["cache-control"] and static.headers["content-type"].startswith("text/css")
    assert service.get("/identify").headers["cache-control"] == "no-store"


def test_without_accounts_every_page_says_so_and_with_them_one_signs_in(
    service: httpx.Client,
    engines: Engines,
    tmp_path: Path,
    serve_app: Callable[..., AbstractContextManager[str]],
) -> None:
    assert "There are no accounts" in service.get("/people?language=en").text
    config = ServiceConfig(folder=tmp_path, port=0)
    make_administrator(tmp_path, "An", "correct horse")
    with (
        serve_app(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        refused = client.get("/people")
        assert refused.status_code == 302 and refused.headers["location"] == "/sign-in?to=people"
        client.post("/v1/session", json={"name": "An", "password": "correct horse"})
        page = client.get("/people")
        token = client.get("/v1/session").json()["csrf"]
        assert "There are no accounts" not in page.text and f'content="{token}"' in page.text
        assert "<span>An</span>" in page.text
