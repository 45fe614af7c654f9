"""Who sent a request: an account in a session, a program with a key, or, on a machine without accounts, its user.

Owns what a caller has to show (key, cookie, CSRF token) and the refusals 401 and 403. A service without accounts that
only its own machine can reach trusts that machine; as soon as there is an account, everybody has to sign in.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from mien.service.auditing import SAFE_METHODS
from mien.service.auth.permissions import ADMINISTRATOR, ROLES, Permission
from mien.service.auth.store import AccessStore
from mien.service.errors import ServiceError, not_found
from mien.service.state import config_of, in_thread

COOKIE, CSRF = "mien_session", "x-csrf-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, and what they may do.

    Attributes:
        id: for logs and for keys of repeated requests; opaque.
        name: for pages; empty for the machine's own user.
        permissions: what they may do.
        galleries: ids of those that exist for them; None is all.
        csrf: of their session; empty without one.
    """

    id: str
    name: str
    permissions: frozenset[Permission]
    galleries: tuple[str, ...] | None = None
    csrf: str = ""

    def require(self, permission: Permission) -> None:
        """Refuse what the caller may not do.

        Raises:
            ServiceError: with the permission that is missing.
        """
        if permission not in self.permissions:
            message = f"this needs the permission '{permission}', which this key or account does not have"
            raise ServiceError(403, "forbidden", message, [{"permission": permission}])

    def require_gallery(self, gallery: str) -> None:
        """Answer as for an unknown gallery where it is another tenant's.

        Raises:
            ServiceError: not found.
        """
        if self.galleries is not None and gallery not in self.galleries:
            raise not_found("gallery")


LOCAL = Caller(id="local", name="", permissions=ADMINISTRATOR)
"""The user of the machine, where there are no accounts."""


def access_of(request: Request) -> AccessStore:
    """The service's accounts and keys."""
    access: AccessStore = request.app.state.access
    return access


async def find_caller(request: Request) -> Caller:
    """Who sent a request.

    Accounts and counts are in files whose writers may have to be waited for, which is done in a thread.

    Raises:
        ServiceError: nobody who is known, a change without the token of its session, or too many requests.
    """
    found: Caller | None = getattr(request.state, "caller", None)
    return await in_thread(_find_and_count, request) if found is None else found


def _find_and_count(request: Request) -> Caller:
    found = request.state.caller = _find(request)
    if found is not LOCAL:
        request.app.state.rates.count(found.id)
    return found


def require_still(request: Request, permission: Permission, gallery: str) -> None:
    """Refuse to go on with an answer that stays open, where its caller may not read any more.

    Raises:
        ServiceError: as at the beginning of a request.
    """
    caller = _find(request)
    caller.require(permission)
    caller.require_gallery(gallery)


def _find(request: Request) -> Caller:
    access, header = access_of(request), request.headers.get("authorization")
    if header is not None:
        return _by_key(access, header)
    secret = request.cookies.get(COOKIE)
    session = access.session(secret) if secret else None
    if session is not None and not session.account.disabled:
        if request.method not in SAFE_METHODS:
            _require_csrf(request, session.csrf)
        account = session.account
        return Caller(
            id=f"account {account.id}",
            name=account.name,
            permissions=ROLES[account.role],
            galleries=account.galleries,
            csrf=session.csrf,
        )
    if not access.has_accounts and config_of(request).is_local:
        return LOCAL
    message = "sign in, or send an API key in the header Authorization: Bearer mien_..."
    raise ServiceError(401, "not_signed_in", message, headers={"WWW-Authenticate": "Bearer"})


def _by_key(access: AccessStore, header: str) -> Caller:
    scheme, _, text = header.partition(" ")
    key = access.find_key(text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        message = "this API key is not known, has expired or was revoked: ask an administrator for another one"
        raise ServiceError(401, "key_refused", message, headers={"WWW-Authenticate": "Bearer"})
    return Caller(id=f"key {key.id}", name=key.name, permissions=frozenset(key.scopes), galleries=key.galleries)


def _require_csrf(request: Request, expected: str) -> None:
    if not hmac.compare_digest(request.headers.get(CSRF, "").encode(), expected.encode()):
        message = f"a change in a session needs its token in the header {CSRF}; GET /v1/session gives it"
        raise ServiceError(403, "csrf", message)


def needs(permission: Permission) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who may do this."""

    async def caller(request: Request) -> Caller:
        found = await find_caller(request)
        found.require(permission)
        return found

    return caller


async def anybody(request: Request) -> Caller:
    """A dependency: the caller, whatever they may do."""
    return await find_caller(request)
