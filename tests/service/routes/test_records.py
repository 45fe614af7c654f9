"""The audit log over HTTP: the line of an erasure is found, names are not, and a change shows."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from mien.service.app import create_app
from mien.service.auditing import FILE
from mien.service.config import ServiceConfig
from mien.service.engines import Engines


def test_from_an_erasure_to_its_line_and_a_change_that_shows(
    engines: Engines,
    tmp_path: Path,
    serve_app: Callable[..., AbstractContextManager[str]],
    collins_bytes: bytes,
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    with (
        serve_app(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        gallery = client.post("/v1/galleries", json={"name": "Secret place"}).json()["id"]
        path = f"/v1/galleries/{gallery}"
        subject = client.post(f"{path}/subjects", json={"name": "Eileen Collins"}).json()["id"]
        client.post(f"{path}/subjects/{subject}/samples", files={"images": collins_bytes})
        client.post(f"{path}/identify", files={"image": collins_bytes})
        client.get(f"{path}/subjects")
        assert client.delete(f"{path}/subjects/{subject}").status_code == 200
        client.delete(f"{path}/subjects/{subject}")
        entries = client.get("/v1/audit-log").json()["entries"]
        assert [(one["what"], one["outcome"]) for one in entries] == [
            ("erase_subject", "refused"),
            ("erase_subject", "begun"),
            ("erase_subject", "done"),
            ("erase_subject", "begun"),
            ("identify", "done"),
            ("add_samples", "done"),
            ("add_samples", "begun"),
            ("create_subject", "done"),
            ("create_subject", "begun"),
            ("create_gallery", "done"),
            ("create_gallery", "begun"),
        ]
        assert entries[2]["subject"] == entries[3]["subject"] == entries[7]["subject"] == subject
        assert entries[2]["who"] == "local"
        assert {one["gallery"] for one in entries[:-1]} == {gallery} and entries[-1]["gallery"] is None
        content = (tmp_path / FILE).read_bytes()
        assert b"Collins" not in content and b"Secret" not in content
        verdict = client.get("/v1/audit-log/verify").json()
        assert verdict["intact"] and verdict["head"].startswith("12:"), "looking at the log is in the log"

        page = client.get("/v1/audit-log", params={"limit": 2}).json()
        following = client.get("/v1/audit-log", params={"limit": 2, "cursor": page["next"]}).json()
        lines = [one["line"] for one in (*page["entries"], *following["entries"])]
        assert lines == sorted(lines, reverse=True) and len(set(lines)) == 4
        assert client.get("/v1/audit-log", params={"cursor": page["next"] + "x"}).status_code == 422

        body = {"name": "auditor", "scopes": ["audit"], "galleries": ["0" * 32]}
        secret = client.post("/v1/keys", json=body).json()["secret"]
        other = httpx.get(timeout=60, url=f"{address}/v1/audit-log", headers={"Authorization": f"Bearer {secret}"})
        assert other.json() == {"entries": [], "next": None}

        kept = client.get("/v1/audit-log/verify").json()["head"]
        lines_before = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
        (tmp_path / FILE).write_bytes(b"".join([*lines_before[:2], *lines_before[3:]]))
        verdict = client.get("/v1/audit-log/verify").json()
        assert not verdict["intact"] and verdict["line"] == 3
        (tmp_path / FILE).write_bytes(b"".join(lines_before[:-1]))
        assert client.get("/v1/audit-log/verify").json()["intact"], "the rest of a log is one"
        assert not client.get("/v1/audit-log/verify", params={"head": kept}).json()["intact"]


def test_a_full_disk_under_the_audit_log_stops_changes_and_searches(
    engines: Engines,
    tmp_path: Path,
    serve_app: Callable[..., AbstractContextManager[str]],
    collins_bytes: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)
    with serve_app(app, config) as address, httpx.Client(timeout=60, base_url=address) as client:
        path = f"/v1/galleries/{client.post('/v1/galleries', json={'name': 'Door'}).json()['id']}"
        subject = client.post(f"{path}/subjects", json={"name": "Eileen Collins"}).json()["id"]
        with monkeypatch.context() as full:

            def no_space(*_: object) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

            full.setattr(app.state.auditing._log, "write", no_space)
            for answer in (
                client.delete(f"{path}/subjects/{subject}"),
                client.post(f"{path}/subjects", json={"name": "X"}, headers={"Idempotency-Key": "a" * 8}),
                client.post(f"{path}/identify", files={"image": collins_bytes}),
                client.get("/v1/audit-log"),
            ):
                assert answer.status_code == 503 and answer.json()["code"] == "audit_log_not_writable", answer.text
                assert "faces" not in answer.text and "entries" not in answer.text
            assert client.post("/v1/detect", files={"image": collins_bytes}).status_code == 200
            assert "audit log" in client.get("/v1/ready").json()["problems"][0]
        (only,) = client.get(f"{path}/subjects").json()["subjects"]
        assert only["id"] == subject
        again = client.post(f"{path}/subjects", json={"name": "X"}, headers={"Idempotency-Key": "a" * 8})
        assert again.status_code == 201, "what was refused may be sent again"
