"""Lists of pairs over HTTP: compared as a job, looked at page by page, erased; nothing of them but what was named."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mien.client import Client, RefusedError
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, collins_path: Path, hopper_path: Path) -> Path:
    made = tmp_path_factory.mktemp("lists")
    for name, path in (("collins.jpg", collins_path), ("hopper.jpg", hopper_path)):
        (made / name).write_bytes(path.read_bytes())
    (made / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    lines = [
        "case,card,selfie",
        f"one,collins.jpg,{made}/collins.jpg",
        "two,collins.jpg,hopper.jpg",
        "three,hopper.jpg,",
    ]
    (made / "pairs.csv").write_text("\n".join([*lines, "four,broken.jpg,hopper.jpg"]))
    return made


@pytest.fixture(scope="module")
def address(
    engines: Engines,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    serve_app: Callable[..., AbstractContextManager[str]],
) -> Iterator[str]:
    place = tmp_path_factory.mktemp("service")
    config = ServiceConfig(folder=place, port=0, imports={"cards": folder / "pairs.csv", "none": folder / "gone.csv"})
    with serve_app(create_app(config, engines), config) as listening:
        yield listening


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as opened:
        yield opened


def ended(client: Client, job_id: str) -> dict:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job = client.get_job(job_id)
        if job["ended"]:
            return dict(job)
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def test_a_list_is_compared_reviewed_and_erased(client: Client, folder: Path) -> None:
    assert client.list_sources()["sources"] == ["cards", "none"]
    job = ended(client, client.verify_source("cards", threshold="fmr:1e-3")["id"])
    assert job["state"] == "done" and job["finished"] == job["total"] == job["result"]["pairs"] == 4
    assert job["result"]["counts"] == {"match": 1, "no match": 1, "failed": 2} and job["result"]["to_review"] == 1
    pairs = client.list_pairs(job["id"], limit=3)
    assert [(one["row"], one["id"], one["outcome"]) for one in pairs["pairs"]] == [
        (2, "one", "match"),
        (3, "two", "no match"),
        (4, "three", "failed"),
    ]
    [broken] = client.list_pairs(job["id"], limit=3, cursor=pairs["next"])["pairs"]
    assert broken["score"] is None and broken["reasons"][0]["side"] == "a"
    assert str(folder) not in json.dumps([pairs, broken, job]), "no path of the server"
    assert pairs["pairs"][0]["second"] == "collins.jpg"
    [same] = client.list_pairs(job["id"], review=True)["pairs"]
    assert same["row"] == 2 and "same-image" in [one["code"] for one in same["reasons"]]
    shown = client.get_pair_image(job["id"], 3, "second")
    assert shown.startswith(b"\xff\xd8") and len(shown) < 60_000
    for row, side in ((4, "second"), (5, "first"), (99, "first")):
        with pytest.raises(RefusedError) as caught:
            client.get_pair_image(job["id"], row, side)
        assert caught.value.status == 404, "no image, a broken one, no such row"
    whats = [one["what"] for one in client.list_audit_log()["entries"]]
    assert {"verify_source", "list_pairs", "get_pair_image"} <= set(whats)
    assert client.erase_pairs(job["id"])["pairs"] == 4 and client.list_pairs(job["id"])["pairs"] == []


def test_names_of_pairs_are_forgotten_when_somebody_is_erased(client: Client) -> None:
    job = ended(client, client.verify_source("cards")["id"])
    gallery = client.create_gallery("Door")["id"]
    client.erase_subject(gallery, client.create_subject(gallery, "An")["id"])
    pairs = client.list_pairs(job["id"])["pairs"]
    assert [(one["id"], one["first"]) for one in pairs] == [(None, None)] * 4
    assert [one["outcome"] for one in pairs] == ["match", "no match", "failed", "failed"]
    with pytest.raises(RefusedError, match="there is no such photograph"):
        client.get_pair_image(job["id"], 2, "first")


def test_what_is_wrong_with_a_list_is_said_without_a_path(client: Client, folder: Path) -> None:
    job = ended(client, client.verify_source("none")["id"])
    assert job["state"] == "failed" and job["message"] and str(folder) not in job["message"]
    job = ended(client, client.verify_source("cards", columns=("card", "photo"))["id"])
    assert job["state"] == "failed" and "photo" in job["message"]
    for source, threshold in (("/etc/passwd", "fmr:1e-3"), ("cards", "fmr:1e-12"), ("cards", "0.4")):
        with pytest.raises(RefusedError) as caught:
            client.verify_source(source, threshold=threshold)
        assert caught.value.status == 422


def test_the_decisions_on_a_list_of_somebody_else_are_not_found(client: Client, address: str) -> None:
    job = ended(client, client.verify_source("cards")["id"])
    secret = client.create_key("k", ["enrol", "read"], galleries=["0" * 32])["secret"]
    with Client(address, secret) as other:
        for ask in (other.list_pairs, other.erase_pairs, lambda job_id: other.get_pair_image(job_id, 2, "first")):
            with pytest.raises(RefusedError) as caught:
                ask(job["id"])
            assert caught.value.status == 404
    assert len(client.list_pairs(job["id"])["pairs"]) == 4
