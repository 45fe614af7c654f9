"""The audit log over HTTP: the line of an erasure is found, names are not, and a change shows."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

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
            ("erase_subject", "done"),
            ("identify", "done"),
            ("add_samples", "done"),
            ("create_subject", "done"),
            ("create_gallery", "done"),
        ]
        assert entries[1]["subject"] == entries[4]["subject"] == subject and entries[1]["who"] == "local"
        assert {one["gallery"] for one in entries} == {gallery}
        content = (tmp_path / FILE).read_bytes()
        assert b"Collins" not in content and b"Secret" not in content
        verdict = client.get("/v1/audit-log/verify").json()
        assert verdict["intact"] and verdict["head"].startswith("7:"), "looking at the log is in the log"

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
