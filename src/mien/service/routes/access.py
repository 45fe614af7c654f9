"""Operations about who may do what: sign in and out, accounts and invitations, API keys."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import JSONResponse

from mien.service.answers import Answer
from mien.service.auditing import note
from mien.service.auth.callers import COOKIE, Caller, access_of, anybody, needs
from mien.service.auth.lockout import Lockout
from mien.service.auth.passwords import MAX_LENGTH
from mien.service.auth.permissions import PERMISSIONS, ROLES, Permission, Role
from mien.service.auth.store import SESSION_SECONDS, Account, ApiKey, Session
from mien.service.bodies import RequestModel, body
from mien.service.errors import ServiceError
from mien.service.idempotency import WriteRoute
from mien.service.operations import takes
from mien.service.state import config_of, in_thread
from mien.service.times import Time, time_text

router = APIRouter(prefix="/v1", tags=["access"], route_class=WriteRoute)

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Password = Annotated[str, Field(max_length=MAX_LENGTH)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8,32}$")]
Administrator = Annotated[Caller, Depends(needs("access"))]
KEY_DAYS = 90


class SessionAnswer(Answer):
    """Who is signed in, and what they may do."""

    name: str
    permissions: list[Permission]
    galleries: list[str] | None
    csrf: str
    """Requests that change something repeat it in the header x-csrf-token; empty without a session."""


class SignInRequest(RequestModel):
    """Name and password."""

    name: Name
    password: Password


@router.post("/session", operation_id="sign_in", openapi_extra=takes(SignInRequest))
async def sign_in(request: Request, asked: Annotated[SignInRequest, Depends(body(SignInRequest))]) -> SessionAnswer:
    """Sign in: sets the cookie of a new session. Too many failures of an account from one address have to wait."""
    lockout: Lockout = request.app.state.lockout
    address = request.client.host if request.client else ""
    lockout.require(asked.name, address)
    access, former = access_of(request), request.cookies.get(COOKIE)
    signed_in = await in_thread(access.sign_in, asked.name, asked.password, former)
    if signed_in is None:
        await in_thread(lockout.failed, asked.name, address)
        raise ServiceError(401, "wrong_password", "name or password is wrong, or the account is disabled")
    await in_thread(lockout.succeeded, asked.name, address)
    session, secret = signed_in
    note(request.state, who=f"account {session.account.id}")
    response = JSONResponse(_session(session).model_dump())
    response.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=config_of(request).has_tls or request.url.scheme == "https",
        path="/",
    )
    return response  # type: ignore[return-value] # the same value, with a cookie


def _session(session: Session) -> SessionAnswer:
    account = session.account
    allowed = ROLES[account.role]
    return SessionAnswer(
        name=account.name,
        permissions=[one for one in PERMISSIONS if one in allowed],
        galleries=None if account.galleries is None else list(account.galleries),
        csrf=session.csrf,
    )


@router.get("/session", operation_id="get_session")
async def get_session(caller: Annotated[Caller, Depends(anybody)]) -> SessionAnswer:
    """Who the caller is, and what they may do."""
    return SessionAnswer(
        name=caller.name,
        permissions=[one for one in PERMISSIONS if one in caller.permissions],
        galleries=None if caller.galleries is None else list(caller.galleries),
        csrf=caller.csrf,
    )


class Done(Answer):
    """It is done."""

    status: Literal["done"] = "done"


@router.delete("/session", operation_id="sign_out")
async def sign_out(request: Request, caller: Annotated[Caller, Depends(anybody)]) -> Done:
    """Sign out: end the session, and its cookie with it."""
    if secret := request.cookies.get(COOKIE):
        access_of(request).sign_out(secret)
    response = JSONResponse(Done().model_dump())
    response.delete_cookie(COOKIE, path="/")
    return response  # type: ignore[return-value] # the same value, without a cookie


class AccountAnswer(Answer):
    """A person who signs in."""

    id: str
    name: str
    role: Role
    galleries: list[str] | None
    disabled: bool
    invited: bool
    """Whether they have not chosen a password yet."""
    created: str


class AccountsAnswer(Answer):
    """All accounts by name."""

    accounts: list[AccountAnswer]


class InviteRequest(RequestModel):
    """A new account."""

    name: Name
    role: Role
    galleries: list[str] | None = None
    """Ids of the galleries that it may see; null is all."""


class InvitationAnswer(Answer):
    """A new account, and the secret with which its person chooses a password, once, within 7 days."""

    account: AccountAnswer
    invitation: str


class AcceptRequest(RequestModel):
    """An invitation and the chosen password."""

    invitation: Annotated[str, Field(max_length=100)]
    password: Password


class ChangeAccountRequest(RequestModel):
    """What changes of an account."""

    role: Role | None = None
    disabled: bool | None = None


@router.get("/accounts", operation_id="list_accounts")
async def list_accounts(request: Request, caller: Administrator) -> AccountsAnswer:
    """List all accounts."""
    return AccountsAnswer(accounts=[_account(one) for one in access_of(request).accounts()])


@router.post("/accounts", operation_id="invite_account", status_code=201, openapi_extra=takes(InviteRequest))
async def invite_account(
    request: Request, caller: Administrator, asked: Annotated[InviteRequest, Depends(body(InviteRequest))]
) -> InvitationAnswer:
    """Invite somebody. The first account of a service has to be an administrator."""
    access = access_of(request)
    if not access.has_accounts and asked.role != "administrator":
        message = "the first account has to be an administrator, since everybody has to sign in once there is one"
        raise ServiceError(409, "administrator_first", message)
    account, secret = access.invite(asked.name, asked.role, asked.galleries)
    return InvitationAnswer(account=_account(account), invitation=secret)


@router.post("/invitations", operation_id="accept_invitation", openapi_extra=takes(AcceptRequest))
async def accept_invitation(
    request: Request, asked: Annotated[AcceptRequest, Depends(body(AcceptRequest))]
) -> AccountAnswer:
    """Choose the password of an account to which one was invited."""
    lockout: Lockout = request.app.state.lockout
    address = request.client.host if request.client else ""
    lockout.require("an invitation", address)
    try:
        return _account(await in_thread(access_of(request).accept, asked.invitation, asked.password))
    except ServiceError:
        await in_thread(lockout.failed, "an invitation", address)
        raise


@router.patch("/accounts/{account_id}", operation_id="change_account", openapi_extra=takes(ChangeAccountRequest))
async def change_account(
    request: Request,
    account_id: Id,
    caller: Administrator,
    asked: Annotated[ChangeAccountRequest, Depends(body(ChangeAccountRequest))],
) -> AccountAnswer:
    """Change an account's role, or disable it; its sessions end."""
    return _account(access_of(request).change_account(account_id, asked.role, asked.disabled))


def _account(account: Account) -> AccountAnswer:
    return AccountAnswer(
        id=account.id,
        name=account.name,
        role=account.role,
        galleries=None if account.galleries is None else list(account.galleries),
        disabled=account.disabled,
        invited=account.invited,
        created=time_text(account.created),
    )


class KeyAnswer(Answer):
    """What is kept of an API key."""

    id: str
    name: str
    scopes: list[Permission]
    galleries: list[str] | None
    created: str
    expires: str
    used: str | None
    revoked: bool


class KeysAnswer(Answer):
    """All keys, the newest first."""

    keys: list[KeyAnswer]


class CreateKeyRequest(RequestModel):
    """A new key."""

    name: Name
    """What it is for."""
    scopes: Annotated[list[Permission], Field(min_length=1)]
    galleries: list[str] | None = None
    """Ids of the galleries that it may see; null is all."""
    expires: Time | None = None
    """When it ends; by default after 90 days."""


class NewKeyAnswer(Answer):
    """A key that was just made. The secret is shown this once."""

    key: KeyAnswer
    secret: str


@router.get("/keys", operation_id="list_keys")
async def list_keys(request: Request, caller: Administrator) -> KeysAnswer:
    """List all keys, without their secrets."""
    return KeysAnswer(keys=[_key(one) for one in access_of(request).api_keys()])


@router.post("/keys", operation_id="create_key", status_code=201, openapi_extra=takes(CreateKeyRequest))
async def create_key(
    request: Request, caller: Administrator, asked: Annotated[CreateKeyRequest, Depends(body(CreateKeyRequest))]
) -> NewKeyAnswer:
    """Make a key with scopes. Its secret is shown this once."""
    expires = time.time() + KEY_DAYS * 86400 if asked.expires is None else asked.expires.timestamp()
    if expires <= time.time():
        raise ServiceError(422, "invalid_request", "expires: is in the past: choose a later time")
    for scope in asked.scopes:
        caller.require(scope)
    key, secret = access_of(request).create_key(asked.name, asked.scopes, asked.galleries, expires)
    return NewKeyAnswer(key=_key(key), secret=secret)


@router.post("/keys/{key_id}/rotate", operation_id="rotate_key")
async def rotate_key(request: Request, key_id: Id, caller: Administrator) -> NewKeyAnswer:
    """Give a key another secret; the former one ends at once."""
    key, secret = access_of(request).rotate_key(key_id)
    return NewKeyAnswer(key=_key(key), secret=secret)


@router.delete("/keys/{key_id}", operation_id="revoke_key")
async def revoke_key(request: Request, key_id: Id, caller: Administrator) -> KeyAnswer:
    """End a key for good."""
    return _key(access_of(request).revoke_key(key_id))


def _key(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        galleries=None if key.galleries is None else list(key.galleries),
        created=time_text(key.created),
        expires=time_text(key.expires),
        used=None if key.used is None else time_text(key.used),
        revoked=key.revoked,
    )
