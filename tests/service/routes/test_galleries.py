"""Galleries, subjects, samples and recognition over HTTP: from an empty service to an erased person."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

import mien
from mien.gallery.gallery import Gallery
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines

NOBODY = "0" * 32


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(stream, "PNG")
    return stream.getvalue()


def create(service: httpx.Client, name: str, **settings: object) -> str:
    answer = service.post("/v1/galleries", json={"name": name, **settings})
    assert answer.status_code == 201, answer.text
    return f"/v1/galleries/{answer.json()['id']}"


def add(service: httpx.Client, gallery: str, name: str, *images: bytes, **fields: object) -> dict:
    subject = service.post(f"{gallery}/subjects", json={"name": name, **fields}).json()
    if images:
        files = [("images", image) for image in images]
        subject["added"] = service.post(f"{gallery}/subjects/{subject['id']}/samples", files=files).json()
    return subject


def test_from_an_empty_service_to_an_erased_person(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes, collins: np.ndarray, hopper: np.ndarray
) -> None:
    gallery = create(service, "Cửa trước")
    an = add(service, gallery, "Eileen Collins", collins_bytes, metadata={"badge": 7})
    binh = add(service, gallery, "Grace Hopper", hopper_bytes)
    assert an["added"]["added"] == binh["added"]["added"] == 1
    both = png(np.concatenate([(collins * 0.8).astype(np.uint8), hopper[:512]], axis=1))
    answer = service.post(f"{gallery}/identify", files={"image": both}).json()
    assert {one["subjects"][0]["name"] for one in answer["faces"]} == {"Eileen Collins", "Grace Hopper"}
    assert {one["outcome"] for one in answer["faces"]} == {"match"} and answer["threshold"]["fmr"]["value"] <= 1e-3
    assert answer["threshold"]["policy"] == "fmr:0.0001" and answer["notes"]
    erased = service.delete(f"{gallery}/subjects/{an['id']}").json()
    assert erased["samples"] == 1 and erased["log"] in ("emptied", "pending")
    answer = service.post(f"{gallery}/identify", files={"image": both}).json()
    assert sorted(one["outcome"] for one in answer["faces"]) == ["match", "unknown"]
    assert service.get(f"{gallery}/subjects/{an['id']}").status_code == 404
    assert service.get(gallery).json()["subjects"] == 1


def test_no_face_is_an_answer_in_identify_and_a_reason_in_enrolment(
    service: httpx.Client, collins_bytes: bytes, collins: np.ndarray
) -> None:
    gallery = create(service, "Reasons")
    wall = png(np.full((120, 160, 3), 120, np.uint8))
    added = add(service, gallery, "An", collins_bytes, wall, b"rubbish", collins_bytes)["added"]
    assert [one["status"] for one in added["images"]] == ["enrolled", "no face", "broken", "already enrolled"]
    assert added["added"] == 1 and "images[2]" in added["images"][2]["detail"]
    assert added["images"][1]["image"] == "images[1]" and added["images"][1]["detail"]
    assert service.post(f"{gallery}/identify", files={"image": wall}).json()["faces"] == []


def test_subjects_are_searched_changed_and_merged(
    service: httpx.Client, collins_bytes: bytes, collins: np.ndarray
) -> None:
    gallery = create(service, "People")
    for number in range(5):
        add(service, gallery, f"Nguyễn {number}")
    page = service.get(f"{gallery}/subjects", params={"limit": 2}).json()
    assert page["total"] == 5 and [one["name"] for one in page["subjects"]] == ["Nguyễn 0", "Nguyễn 1"]
    following = service.get(f"{gallery}/subjects", params={"limit": 2, "cursor": page["next"]}).json()
    assert [one["name"] for one in following["subjects"]] == ["Nguyễn 2", "Nguyễn 3"]
    found = service.get(f"{gallery}/subjects", params={"search": "NGUYỄN 4"}).json()
    assert found["total"] == 1 and found["next"] is None
    for params in ({"cursor": page["next"], "search": "x"}, {"cursor": page["next"][:-2] + "AA"}, {"cursor": "x"}):
        assert service.get(f"{gallery}/subjects", params=params).json()["code"] == "invalid_cursor"
    subject = f"{gallery}/subjects/{found['subjects'][0]['id']}"
    changed = service.patch(subject, json={"name": "Trần", "metadata": {"a": [1]}}).json()
    assert changed["name"] == "Trần" and changed["metadata"] == {"a": [1]} and changed["state"] == "active"
    other = add(service, gallery, "Lê", collins_bytes)
    merged = service.post(f"{gallery}/subjects/{other['id']}/merge", json={"into": found["subjects"][0]["id"]}).json()
    assert merged["moved"] == 1 and merged["subject"]["samples"] == 1
    assert service.get(f"{gallery}/subjects/{other['id']}").status_code == 404


def test_samples_are_shown_moved_and_erased(service: httpx.Client, collins_bytes: bytes) -> None:
    gallery = create(service, "Samples")
    an, binh = add(service, gallery, "An", collins_bytes), add(service, gallery, "Bình")
    sample = f"{gallery}/samples/{an['added']['images'][0]['sample']}"
    portrait = service.get(f"{sample}/portrait")
    assert portrait.headers["content-type"] == "image/jpeg" and portrait.content.startswith(b"\xff\xd8")
    assert service.post(f"{sample}/move", json={"into": binh["id"]}).json() == {"moved": True}
    assert len(service.get(f"{gallery}/subjects/{binh['id']}/samples").json()["samples"]) == 1
    assert service.delete(sample).json()["samples"] == 1
    assert service.get(f"{sample}/portrait").status_code == service.delete(sample).status_code == 404


def test_a_gallery_that_keeps_no_portraits_has_none(service: httpx.Client, collins_bytes: bytes) -> None:
    gallery = create(service, "Bare", keep="none")
    added = add(service, gallery, "An", collins_bytes)["added"]
    assert service.get(f"{gallery}/samples/{added['images'][0]['sample']}/portrait").status_code == 404


def test_where_consent_is_required_nobody_is_enrolled_or_found_without(
    service: httpx.Client, collins_bytes: bytes
) -> None:
    gallery = create(service, "Consent", requires_consent=True)
    an = add(service, gallery, "An", collins_bytes)
    assert an["added"]["images"][0]["status"] == "no consent" and an["added"]["added"] == 0
    subject = f"{gallery}/subjects/{an['id']}"
    consent = {"purpose": "entry", "since": "2020-01-01T00:00:00Z", "until": "2999-01-01T07:00:00+07:00"}
    changed = service.patch(subject, json={"consent": consent}).json()["consent"]
    assert changed["holds"] and changed["until"] == "2999-01-01T00:00:00Z"
    assert service.post(f"{subject}/samples", files={"images": collins_bytes}).json()["added"] == 1
    assert (
        service.post(f"{gallery}/identify", files={"image": collins_bytes}).json()["faces"][0]["outcome"] == "match"
    )
    service.patch(subject, json={"consent": {**consent, "until": "2021-01-01T00:00:00Z"}})
    face = service.post(f"{gallery}/identify", files={"image": collins_bytes}).json()["faces"][0]
    assert face["outcome"] == "unknown" and face["candidates"] == []
    claim = service.post(f"{subject}/verify", files={"image": collins_bytes})
    assert claim.status_code == 409 and claim.json()["code"] == "not_recognizable"


def test_a_claim_is_verified_and_failed_attempts_are_limited(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes
) -> None:
    gallery = create(service, "Claims")
    an = add(service, gallery, "An", collins_bytes)
    claim = f"{gallery}/subjects/{an['id']}/verify"
    value = service.post(claim, files={"image": collins_bytes}).json()
    assert value["decision"]["outcome"] == "match" and value["compared"] == 1
    answers = [service.post(claim, files={"image": hopper_bytes}) for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert answers[0].json()["decision"]["outcome"] == "no match" and "Retry-After" in answers[-1].headers


def test_thresholds_follow_the_number_of_people(service: httpx.Client, collins_bytes: bytes) -> None:
    gallery = create(service, "Thresholds")
    add(service, gallery, "An", collins_bytes)
    params = {"policy": ["fmr:1e-3", "fpir:1e-2"]}
    value = service.get(f"{gallery}/thresholds", params=params).json()
    assert [one["policy"] for one in value["thresholds"]] == ["fmr:0.001", "fpir:0.01"] and value["subjects"] == 1
    refused = service.get(f"{gallery}/thresholds", params={"policy": "fpir:1e-9"})
    assert refused.status_code == 422 and "more subjects to show it itself" in refused.json()["message"]


def test_a_gallery_is_deleted_with_its_name_repeated(service: httpx.Client) -> None:
    gallery = create(service, "Old")
    add(service, gallery, "An")
    assert service.delete(gallery).status_code == 409
    assert service.delete(gallery, params={"name": "old"}).status_code == 409
    assert service.delete(gallery, params={"name": "Old"}).json() == {"subjects": 1}
    assert service.get(gallery).status_code == 404
    assert service.delete(create(service, "Empty")).json() == {"subjects": 0}


def test_a_gallery_is_renamed_and_keeps_what_was_not_sent(service: httpx.Client) -> None:
    gallery = create(service, "First", keep="none", grace_days=3)
    changed = service.patch(gallery, json={"name": "Second", "requires_consent": True}).json()
    assert (changed["name"], changed["keep"], changed["grace_days"], changed["requires_consent"]) == (
        "Second",
        "none",
        3,
        True,
    )
    assert service.patch(gallery, json={"grace_days": None}).json()["grace_days"] is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "\u200b\u200d"}, "name"),
        ({"name": "An\x00"}, "control character"),
        ({"name": "An\u202ecod.exe"}, "direction of writing"),
        ({"name": "x" * 501}, "name"),
        ({"name": "An", "metadata": {"a": {"b": {"c": {"d": {}}}}}}, "4 objects"),
        ({"name": "An", "metadata": {"a": "x" * 5000}}, "4096 bytes"),
        ({"name": "An", "metadata": []}, "metadata"),
        ({"name": "An", "state": "gone"}, "state"),
        ({"name": "An", "consent": {"purpose": "p", "since": 5}}, "consent.since"),
        ({"name": "An", "consent": {"purpose": "p", "since": "2020-01-01T00:00:00Z", "untl": None}}, "consent.untl"),
        ({"name": "An", "id": NOBODY}, "id"),
    ],
)
def test_subjects_that_cannot_be_are_refused(service: httpx.Client, body: dict, says: str) -> None:
    gallery = create(service, "Refusals")
    answer = service.post(f"{gallery}/subjects", json=body)
    assert answer.status_code == 422 and says in answer.json()["message"], answer.text
    assert service.get(gallery).json()["subjects"] == 0


def test_the_gallery_of_another_tenant_answers_as_one_that_does_not_exist(
    service: httpx.Client, collins_bytes: bytes
) -> None:
    mine, other = create(service, "Mine"), create(service, "Other")
    subject = add(service, other, "An", collins_bytes)
    body = {"name": "door", "scopes": ["read", "recognize", "enrol", "erase"], "galleries": [mine.rpartition("/")[2]]}
    secret = service.post("/v1/keys", json=body).json()["secret"]
    unknown = f"/v1/galleries/{NOBODY}"
    with httpx.Client(timeout=60, base_url=service.base_url, headers={"Authorization": f"Bearer {secret}"}) as client:
        assert [one["name"] for one in client.get("/v1/galleries").json()["galleries"]] == ["Mine"]
        for method, path in (
            ("GET", ""),
            ("GET", "/subjects"),
            ("GET", f"/subjects/{subject['id']}"),
            ("DELETE", f"/subjects/{subject['id']}"),
            ("GET", f"/samples/{subject['added']['images'][0]['sample']}/portrait"),
        ):
            foreign, missing = client.request(method, other + path), client.request(method, unknown + path)
            assert foreign.status_code == missing.status_code == 404
            assert {**foreign.json(), "request_id": ""} == {**missing.json(), "request_id": ""}
        assert client.get(f"{mine}/subjects/{subject['id']}").status_code == 404, "a subject of another gallery"
    assert service.get(f"{other}/subjects/{subject['id']}").status_code == 200


def test_a_gallery_of_another_model_is_refused_with_the_command_and_no_path(
    engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]], collins_bytes: bytes
) -> None:
    card = mien.load_card("dlib-resnet")
    assert card.embedding is not None
    other = card.model_copy(
        update={"embedding": card.embedding.model_copy(update={"mirror": not card.embedding.mirror}), "name": "other"}
    )
    (tmp_path / "galleries").mkdir()
    Gallery.create(tmp_path / "galleries" / "a.gallery", other).close()
    (tmp_path / "galleries" / "broken.gallery").write_bytes(b"no gallery")
    config = ServiceConfig(folder=tmp_path, port=0)
    with (
        serve_app(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        (found,) = client.get("/v1/galleries").json()["galleries"]
        assert found["fits"] is False and found["contract"] == other.contract
        answer = client.post(f"/v1/galleries/{found['id']}/identify", files={"image": collins_bytes})
        assert answer.status_code == 409 and answer.json()["code"] == "contract_mismatch"
        message = answer.json()["message"]
        assert "mien reenrol GALLERY" in message and card.contract in message and other.contract in message
        ready = client.get("/v1/ready")
        assert ready.status_code == 503 and "cannot be opened" in ready.text and str(tmp_path) not in ready.text


def test_a_gallery_that_a_later_version_took_over_is_refused_in_a_sentence_and_others_go_on(
    engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]], collins_bytes: bytes
) -> None:
    """Two services of different versions on one folder."""
    config = ServiceConfig(folder=tmp_path, port=0)
    with (
        serve_app(app := create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        door, other = (
            f"/v1/galleries/{client.post('/v1/galleries', json={'name': name}).json()['id']}" for name in ("a", "b")
        )
        file = app.state.galleries.find(door.rpartition("/")[2]).path
        with closing(sqlite3.connect(file)) as later:
            later.execute("UPDATE gallery SET format = 3")
            later.commit()
        for answer in (
            client.get(f"{door}/subjects"),
            client.post(f"{door}/subjects", json={"name": "An"}),
            client.post(f"{door}/identify", files={"image": collins_bytes}),
        ):
            assert answer.status_code == 503, answer.text
            assert "format 3" in answer.json()["message"] and "update mien" in answer.json()["message"]
            assert str(tmp_path) not in answer.text
        assert client.post(f"{other}/subjects", json={"name": "An"}).status_code == 201
        assert [one["name"] for one in client.get("/v1/galleries").json()["galleries"]] == ["b"]
        ready = client.get("/v1/ready")
        assert ready.status_code == 503 and "update mien" in ready.text and str(tmp_path) not in ready.text
        for page in ("/v1/metrics", "/", "/people", "/health"):
            assert client.get(page, follow_redirects=True).status_code == 200, page
