"""Which page is where, in which language, and with which texts for its script. Renders; asks the API nothing."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mien.html import render_page
from mien.messages import Message, find_catalogue, languages
from mien.service.auth.callers import access_of, find_caller
from mien.service.auth.permissions import Permission
from mien.service.errors import ServiceError, not_found
from mien.service.state import config_of, engines_of

ROOM = "mien.service.pages"
LANGUAGE = "mien_language"
"""The cookie of the chosen language."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "permissions-policy": "camera=(self), microphone=(), geolocation=()"}
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
LOOK = "look.css"
"""The style sheet that pages and reports share."""
TEXTS = "service.script."
"""The messages that scripts show."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: of its template, script and address.
        permission: without which the menu does not show it; None shows it to everybody.
    """

    name: str
    permission: Permission | None = None


PAGES = (
    Page("identify", "recognize"),
    Page("compare", "recognize"),
    Page("pairs", "recognize"),
    Page("people", "read"),
    Page("check", "recognize"),
    Page("cameras", "read"),
    Page("unknown", "enrol"),
    Page("health", "calibrate"),
    Page("audit", "audit"),
    Page("access", "access"),
)
"""In the order of the menu."""


def language_of(request: Request) -> str:
    """The language that the reader chose, else the first one that the browser asks for, else the service's."""
    chosen = request.query_params.get("language") or request.cookies.get(LANGUAGE, "")
    asked = [one.partition(";")[0].strip()[:2] for one in request.headers.get("accept-language", "").split(",")]
    known = languages()
    return next((one for one in (chosen, *asked) if one in known), config_of(request).language)


async def show_first(request: Request) -> Response:
    """The address of the service alone leads to the first page."""
    return RedirectResponse("/identify", 302, HEADERS)


async def show_sign_in(request: Request) -> Response:
    """The page on which one signs in, or accepts an invitation."""
    return _render(request, "sign-in", csrf="", user="", menu=(), permissions=(), local=False, plain=False)


async def show_page(request: Request) -> Response:
    """A page of the menu; who is not signed in gets the page on which one does."""
    page = next(one for one in PAGES if f"/{one.name}" == request.url.path)
    try:
        caller = await find_caller(request)
    except ServiceError:
        chosen = f"&language={language_of(request)}" if "language" in request.query_params else ""
        return RedirectResponse(f"/sign-in?to={page.name}{chosen}", 302, HEADERS)
    menu = tuple(one.name for one in PAGES if one.permission is None or one.permission in caller.permissions)
    return _render(
        request,
        page.name,
        csrf=caller.csrf,
        user=caller.name,
        menu=menu,
        permissions=sorted(caller.permissions),
        local=not access_of(request).has_accounts,
        plain=not request.app.state.galleries.are_encrypted,
    )


def _render(request: Request, page: str, **values: object) -> Response:
    language = language_of(request)
    others = [(code, find_catalogue(code).name) for code in languages() if code != language]
    html = render_page(
        ROOM,
        f"{page}.html",
        language,
        title=Message(f"service.{page}.title"),
        page=page,
        others=others,
        texts=script_texts(language),
        policies=_policies(request),
        stamp=stamp(),
        **values,
    )
    response = HTMLResponse(html, headers=HEADERS)
    if request.query_params.get("language") == language:
        response.set_cookie(LANGUAGE, language, max_age=365 * 86400, samesite="strict", httponly=True)
    return response


def _policies(request: Request) -> list[str]:
    """The threshold policies that the recognizer's card has, strictest first."""
    return [f"fmr:{rate:g}" for rate in sorted({row.fmr for row in engines_of(request).card.thresholds})]


@lru_cache(maxsize=8)
def script_texts(language: str) -> str:
    """The sentences of scripts as JSON that can be put into a page."""
    english, own = find_catalogue("en").texts, find_catalogue(language).texts
    found = {
        code.removeprefix(TEXTS): own.get(code, text) for code, text in english.items() if code.startswith(TEXTS)
    }
    return json.dumps(found, ensure_ascii=False).replace("<", "\\u003c")


@lru_cache(maxsize=64)
def static_file(name: str) -> tuple[bytes, str] | None:
    """The content and kind of a file of the pages; None where there is none of this name."""
    known, suffix = _static_files(), name.rpartition(".")[2]
    return (known[name].read_bytes(), KINDS[suffix]) if name in known and suffix in KINDS else None


@lru_cache(maxsize=1)
def stamp() -> str:
    """A mark of all static files together, so that browsers keep them until they change."""
    digest = hashlib.sha256()
    for _, one in sorted(_static_files().items()):
        digest.update(one.read_bytes())
    return digest.hexdigest()[:12]


def _static_files() -> dict[str, Traversable]:
    """The files of the pages by name, with the colours and type that reports have too."""
    files = {one.name: one for one in resources.files(ROOM).joinpath("static").iterdir()}
    return files | {LOOK: resources.files("mien.html").joinpath(LOOK)}


async def show_static(request: Request) -> Response:
    """A style sheet or a script."""
    found = static_file(request.path_params["name"])
    if found is None:
        raise not_found("file")
    headers = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}
    return Response(found[0], headers=headers, media_type=found[1])


PAGE_ROUTES: tuple[BaseRoute, ...] = (
    Route("/", show_first),
    Route("/sign-in", show_sign_in),
    *(Route(f"/{page.name}", show_page) for page in PAGES),
    Route("/static/{stamp}/{name}", show_static),
)
