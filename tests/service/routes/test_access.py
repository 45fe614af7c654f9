"""Accounts and keys over HTTP: once there is an administrator everybody signs in, and does their part."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from mien.service.app import create_app
from mien.service.auth.callers import CSRF
from mien.service.auth.store import AccessStore
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.service.serving import make_administrator

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def address(
    engines: Engines,
    tmp_path_factory: pytest.TempPathFactory,
    serve_app: Callable[..., AbstractContextManager[str]],
) -> Iterator[str]:
    """A service with an administrator."""
    config = ServiceConfig(folder=tmp_path_factory.mktemp("access"), port=0)
    make_administrator(config.folder, "An", PASSWORD)
    with serve_app(create_app(config, engines), config) as found:
        yield found


@pytest.fixture
def signed_in(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, base_url=address) as client:
        answer = client.post("/v1/session", json={"name": "An", "password": PASSWORD})
        client.headers[CSRF] = answer.json()["csrf"]
        yield client


def test_nobody_gets_in_without_a_key_or_a_session(address: str, collins_bytes: bytes) -> None:
    with httpx.Client(timeout=60, base_url=address) as client:
        for method, path in (
            ("GET", "/v1/system"),
            ("GET", "/v1/keys"),
            ("POST", "/v1/detect"),
            ("GET", "/v1/models"),
        ):
            answer = client.request(method, path)
            assert answer.status_code == 401 and answer.json()["code"] == "not_signed_in"
        assert client.get("/v1/live").status_code == 200, "a supervisor has no key"
        refused = client.get("/v1/system", headers={"Authorization": "Bearer mien_0123_abc"})
        assert refused.status_code == 401 and refused.json()["code"] == "key_refused"


def test_signing_in_and_out(address: str) -> None:
    with httpx.Client(timeout=60, base_url=address) as client:
        wrong = client.post("/v1/session", json={"name": "An", "password": "wrong wrong"})
        unknown = client.post("/v1/session", json={"name": "Nobody", "password": "wrong wrong"})
        assert wrong.status_code == unknown.status_code == 401
        assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
        answer = client.post("/v1/session", json={"name": "An", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and PASSWORD not in answer.text
        assert "access" in client.get("/v1/session").json()["permissions"]
        client.headers[CSRF] = answer.json()["csrf"]
        assert client.delete("/v1/session").status_code == 200
        assert client.get("/v1/session").status_code == 401


def test_a_change_without_the_token_of_the_session_is_refused(signed_in: httpx.Client) -> None:
    body = {"name": "door", "scopes": ["recognize"]}
    for headers in ({CSRF: "wrong"}, {CSRF: ""}):
        answer = signed_in.post("/v1/keys", json=body, headers=headers)
        assert answer.status_code == 403 and answer.json()["code"] == "csrf"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = signed_in.post("/v1/keys", json=body, headers=headers)
        assert answer.status_code == 403 and answer.json()["code"] == "foreign_origin"


def test_a_key_does_what_its_scopes_say_and_ends_when_it_is_revoked(
    signed_in: httpx.Client, collins_bytes: bytes
) -> None:
    made = signed_in.post("/v1/keys", json={"name": "door", "scopes": ["recognize"]}).json()
    assert made["secret"].startswith("mien_") and "secret" not in signed_in.get("/v1/keys").text.replace(
        "secrets", ""
    )
    headers = {"Authorization": f"Bearer {made['secret']}"}
    with httpx.Client(timeout=60, base_url=signed_in.base_url, headers=headers) as client:
        assert client.post("/v1/detect", files={"image": collins_bytes}).status_code == 200
        refused = client.post("/v1/embed", files={"image": collins_bytes})
        assert refused.status_code == 403 and "'embed'" in refused.json()["message"]
        assert client.get("/v1/keys").status_code == 403
        rotated = signed_in.post(f"/v1/keys/{made['key']['id']}/rotate").json()["secret"]
        assert client.get("/v1/system").status_code == 401
        client.headers["Authorization"] = f"Bearer {rotated}"
        assert client.get("/v1/system").status_code == 200
        assert signed_in.delete(f"/v1/keys/{made['key']['id']}").json()["revoked"] is True
        assert client.get("/v1/system").status_code == 401


def test_an_invited_viewer_chooses_a_password_and_sees_no_keys(signed_in: httpx.Client) -> None:
    made = signed_in.post("/v1/accounts", json={"name": "Bình", "role": "viewer"}).json()
    with httpx.Client(timeout=60, base_url=signed_in.base_url) as client:
        body = {"invitation": made["invitation"], "password": "short"}
        assert client.post("/v1/invitations", json=body).status_code == 422
        body["password"] = PASSWORD
        assert client.post("/v1/invitations", json=body).json()["invited"] is False
        answer = client.post("/v1/session", json={"name": "Bình", "password": PASSWORD})
        client.headers[CSRF] = answer.json()["csrf"]
        assert client.get("/v1/keys").status_code == client.post("/v1/keys", json={}).status_code == 403
        signed_in.patch(f"/v1/accounts/{made['account']['id']}", json={"disabled": True})
        assert client.get("/v1/session").status_code == 401


def test_a_repeated_write_happens_once(signed_in: httpx.Client) -> None:
    headers = {"Idempotency-Key": "made-up-key-1"}
    body = {"name": "once", "scopes": ["read"]}
    first = signed_in.post("/v1/keys", json=body, headers=headers)
    second = signed_in.post("/v1/keys", json=body, headers=headers)
    assert first.json() == second.json() and second.headers["idempotency-replayed"] == "true"
    assert [one["name"] for one in signed_in.get("/v1/keys").json()["keys"]].count("once") == 1
    other = signed_in.post("/v1/keys", json={**body, "name": "twice"}, headers=headers)
    assert other.status_code == 409 and other.json()["code"] == "idempotency_key_reused"


def test_guessing_a_password_has_to_wait(address: str) -> None:
    with httpx.Client(timeout=60, base_url=address) as client:
        body = {"name": "Chi", "password": "wrong wrong"}
        answers = [client.post("/v1/session", json=body) for _ in range(6)]
        assert [one.status_code for one in answers] == [401] * 5 + [429] and "Retry-After" in answers[-1].headers


def test_an_administrator_who_is_made_while_the_service_runs_ends_the_trust_in_the_machine(
    engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    with serve_app(create_app(config, engines), config) as address:
        assert httpx.get(timeout=60, url=f"{address}/v1/keys").status_code == 200
        make_administrator(tmp_path, "An", PASSWORD)
        assert httpx.get(timeout=60, url=f"{address}/v1/keys").status_code == 401


def test_without_accounts_the_machine_itself_is_trusted_until_there_is_one(
    service: httpx.Client, tmp_path: Path
) -> None:
    assert service.get("/v1/session").json()["csrf"] == "" and service.get("/v1/keys").json() == {"keys": []}
    refused = service.post("/v1/accounts", json={"name": "Bình", "role": "viewer"})
    assert refused.status_code == 409 and "administrator" in refused.json()["message"]
    assert AccessStore(tmp_path).has_accounts is False
