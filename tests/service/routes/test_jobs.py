"""Import, calibration and re-enrolment over HTTP: named sources alone, one reason for each refused file, no paths."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

import mien
from mien.gallery.gallery import Gallery
from mien.gallery.records import NewTemplate, Portrait
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines


@pytest.fixture
def people(tmp_path: Path, collins_path: Path, hopper_path: Path) -> Path:
    folder = tmp_path / "people"
    for name, path in (("Eileen Collins", collins_path), ("Grace Hopper", hopper_path)):
        (folder / name).mkdir(parents=True)
        (folder / name / path.name).write_bytes(path.read_bytes())
    (folder / "Grace Hopper" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.fixture
def client(
    engines: Engines, tmp_path: Path, people: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> Iterator[httpx.Client]:
    config = ServiceConfig(folder=tmp_path / "service", port=0, imports={"people": people})
    config.folder.mkdir()
    (config.folder / "galleries").mkdir()
    other = engines.card.model_copy(update={"name": "other", "embedding": _mirrored(engines)})
    gallery = Gallery.create(config.folder / "galleries" / "old.gallery", other)
    gallery.close()
    with (
        serve_app(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as opened,
    ):
        yield opened


def _mirrored(engines: Engines) -> object:
    spec = engines.card.embedding
    assert spec is not None
    return spec.model_copy(update={"mirror": not spec.mirror})


def ended(client: httpx.Client, answer: httpx.Response) -> dict:
    assert answer.status_code == 202, answer.text
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job = client.get(f"/v1/jobs/{answer.json()['id']}").json()
        if job["ended"]:
            return dict(job)
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def test_a_named_folder_is_imported_then_calibrated(client: httpx.Client, tmp_path: Path) -> None:
    gallery = f"/v1/galleries/{client.post('/v1/galleries', json={'name': 'People'}).json()['id']}"
    job = ended(client, client.post(f"{gallery}/import", json={"source": "people"}))
    assert job["state"] == "done" and job["result"]["counts"] == {"enrolled": 2, "broken": 1}
    (refused,) = job["result"]["refused"]
    assert refused["file"] == "Grace Hopper/broken.jpg" and str(tmp_path) not in str(job)
    assert job["finished"] == job["total"] == 3 and client.get(gallery).json()["subjects"] == 2
    again = ended(client, client.post(f"{gallery}/import", json={"source": "people"}))
    assert again["result"]["counts"] == {"already enrolled": 2, "broken": 1}
    measured = ended(client, client.post(f"{gallery}/calibrate", json={"policies": ["fmr:1e-3", "fmr:1e-9"]}))
    known, unknown = measured["result"]["thresholds"]
    assert known["threshold"]["fmr"]["value"] <= 1e-3 and unknown["threshold"] is None
    assert "more subjects" in unknown["notes"][0]
    assert [one["kind"] for one in client.get("/v1/jobs").json()["jobs"]] == ["calibrate", "import", "import"]
    assert client.delete(f"/v1/jobs/{job['id']}").json()["state"] == "done", "what has ended stays as it is"


@pytest.mark.parametrize("source", ["peple", "/etc", "../people", "file:///etc", ""])
def test_nothing_is_imported_but_what_the_operator_named(client: httpx.Client, source: str) -> None:
    gallery = f"/v1/galleries/{client.post('/v1/galleries', json={'name': 'X'}).json()['id']}"
    answer = client.post(f"{gallery}/import", json={"source": source})
    assert answer.status_code == 422 and "--import NAME=PATH" in answer.json()["message"]
    assert client.get("/v1/jobs").json() == {"jobs": []}


def test_a_gallery_of_another_model_is_embedded_again_and_then_recognizes(
    client: httpx.Client, engines: Engines, tmp_path: Path, collins_path: Path, collins_bytes: bytes
) -> None:
    found = next(one for one in client.get("/v1/galleries").json()["galleries"] if not one["fits"])
    gallery = f"/v1/galleries/{found['id']}"
    other = Gallery.open(tmp_path / "service" / "galleries" / "old.gallery")
    (analysis,) = mien.open_pipeline().analyse([collins_path], cutouts=True)
    portrait = Portrait(_jpeg(analysis.cutouts[0].image), analysis.cutouts[0].landmarks)
    other.store.add([NewTemplate("Eileen Collins", "sha", analysis.embeddings[0], portrait)])
    other.close()
    assert client.post(f"{gallery}/identify", files={"image": collins_bytes}).status_code == 409
    job = ended(client, client.post(f"{gallery}/reenrol"))
    assert job["result"] == {"samples": 1, "contract": engines.card.contract}
    face = client.post(f"{gallery}/identify", files={"image": collins_bytes}).json()["faces"][0]
    assert face["outcome"] == "match" and face["subjects"][0]["name"] == "Eileen Collins"


def _jpeg(image) -> bytes:
    import simplejpeg

    return bytes(simplejpeg.encode_jpeg(image, quality=95, colorsubsampling="444"))


def test_the_job_of_another_tenant_is_not_found(client: httpx.Client) -> None:
    gallery = client.post("/v1/galleries", json={"name": "Mine"}).json()["id"]
    job = client.post(f"/v1/galleries/{gallery}/calibrate", json={}).json()
    body = {"name": "k", "scopes": ["read"], "galleries": ["0" * 32]}
    secret = client.post("/v1/keys", json=body).json()["secret"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get(f"/v1/jobs/{job['id']}", headers=headers).status_code == 404
    assert client.delete(f"/v1/jobs/{job['id']}", headers=headers).status_code == 404
    assert client.get("/v1/jobs", headers=headers).json() == {"jobs": []}
