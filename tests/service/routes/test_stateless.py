"""Detect, embed, compare and check over HTTP give what the Python API gives, and refuse rubbish with a sentence."""

import base64
import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

import mien


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(stream, "PNG")
    return stream.getvalue()


BOMB = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, 60000, 60000, 1, 24, 0, 0, 1, 1, 0, 0)
"""The header of a bitmap of 10 GB, and no more."""
WALL = png(np.full((120, 160, 3), 120, np.uint8))


def test_faces_are_those_of_the_python_api_in_both_forms_of_a_body(
    service: httpx.Client, collins_bytes: bytes, collins: np.ndarray
) -> None:
    (expected,) = mien.detect_faces(collins)
    as_file = service.post("/v1/detect", files={"image": collins_bytes}).json()
    as_text = service.post("/v1/detect", json={"image": base64.b64encode(collins_bytes).decode()}).json()
    assert as_file == as_text and (as_file["width"], as_file["height"]) == (512, 512)
    (face,) = as_file["faces"]
    assert list(face["box"].values()) == pytest.approx(expected.box.corners, abs=0.06)
    assert face["landmarks"] == [pytest.approx(point, abs=0.06) for point in expected.landmarks.tolist()]


def test_an_image_without_a_face_is_an_answer(service: httpx.Client) -> None:
    assert service.post("/v1/detect", files={"image": WALL}).json()["faces"] == []
    assert service.post("/v1/embed", files={"image": WALL}).json()["faces"] == []


def test_embeddings_are_those_of_the_pipeline_with_their_contract(
    service: httpx.Client, collins_bytes: bytes, collins_path: Path
) -> None:
    (analysis,) = mien.open_pipeline().analyse([collins_path])
    value = service.post("/v1/embed", files={"image": collins_bytes}).json()
    assert value["faces"][0]["embedding"] == pytest.approx(analysis.embeddings[0].tolist(), abs=1e-4)
    assert value["contract"] == mien.load_card().contract and value["metric"] == "l2"


def test_the_largest_face_alone_is_embedded_where_that_is_asked_for(
    service: httpx.Client, collins: np.ndarray, hopper: np.ndarray
) -> None:
    both = png(np.concatenate([collins, hopper[:512]], axis=1))
    everyone = service.post("/v1/embed", files={"image": both}).json()["faces"]
    largest = service.post("/v1/embed", files={"image": both}, data={"faces": "largest"}).json()["faces"]
    assert len(everyone) == 2 and len(largest) == 1 and largest[0]["face"]["box"]["x1"] > 512


def test_a_comparison_says_what_its_threshold_is_worth(
    service: httpx.Client, collins_path: Path, collins_bytes: bytes, collins: np.ndarray, hopper_bytes: bytes
) -> None:
    darker = png((collins * 0.7).astype(np.uint8))
    value = service.post("/v1/compare", files={"first": collins_bytes, "second": darker}).json()
    decision = value["decision"]
    assert decision["outcome"] == "match" and decision["score"] == round(decision["score"], 3)
    assert decision["threshold"]["fmr"]["value"] == 1e-3 and decision["threshold"]["fmr"]["low"] < 1e-3
    assert decision["threshold"]["source"] == "card" and "LFW" in decision["threshold"]["protocol"]
    assert value["first"]["others"] == 0 and not value["first"]["ambiguous"]
    other = service.post("/v1/compare", files={"first": collins_bytes, "second": hopper_bytes}).json()
    assert other["decision"]["outcome"] == "no match"


def test_a_masked_face_is_uncertain_with_the_reason_in_the_language_asked_for(
    service: httpx.Client, collins_bytes: bytes, masked: np.ndarray
) -> None:
    files = {"first": collins_bytes, "second": png(masked)}
    value = service.post("/v1/compare", files=files, data={"language": "vi"}).json()
    assert value["decision"]["outcome"] == "uncertain"
    assert [one["code"] for one in value["second"]["reasons"]] == ["mask"]
    assert "phần dưới khuôn mặt bị che" in value["second"]["reasons"][0]["message"]


@pytest.mark.parametrize(
    ("threshold", "says"),
    [
        ("0.6", "not a policy"),
        ("fmr:2", "not a policy"),
        ("fmr:1e-3 OR 1=1", "not a policy"),
        ("fmr:1e-9", "has no threshold"),
        ("fpir:1e-2", "rate of searches"),
    ],
)
def test_a_threshold_is_a_policy_and_never_a_number(
    service: httpx.Client, collins_bytes: bytes, threshold: str, says: str
) -> None:
    files = {"first": collins_bytes, "second": collins_bytes}
    answer = service.post("/v1/compare", files=files, data={"threshold": threshold})
    assert answer.status_code == 422 and says in answer.json()["message"]


def test_a_photograph_is_checked_in_both_languages(service: httpx.Client, hopper_bytes: bytes) -> None:
    english = service.post("/v1/portraits/check", files={"image": hopper_bytes}).json()
    vietnamese = service.post("/v1/portraits/check", files={"image": hopper_bytes}, data={"language": "vi"}).json()
    assert english["outcome"] == vietnamese["outcome"] == "not judged"
    assert {one["state"] for one in english["rules"]} == {"pass", "fail", "not assessed"}
    assert any("glasses" in one for one in english["instructions"])
    assert any("kính" in one for one in vietnamese["instructions"])
    unknown = service.post("/v1/portraits/check", files={"image": hopper_bytes}, data={"language": "xx"})
    assert unknown.status_code == 422 and "available: en, vi" in unknown.json()["message"]


@pytest.mark.parametrize(
    ("image", "status", "says"),
    [
        (b"", 422, "image is empty"),
        (b"no image", 422, "image is not a"),
        (b"\xff\xd8\xff nothing", 422, "image"),
        (png(np.zeros((1, 9, 3), np.uint8)), 422, "each side needs"),
        (WALL[:90], 422, "image is broken or cut off"),
        (BOMB, 413, "60000x60000 pixels, over the limit"),
        (b"\0" * (17 * 2**20), 413, "over the limit of 16777216"),
    ],
)
def test_rubbish_is_refused_with_a_sentence_that_names_the_field(
    service: httpx.Client, image: bytes, status: int, says: str
) -> None:
    for path in ("/v1/detect", "/v1/portraits/check", "/v1/embed"):
        answer = service.post(path, files={"image": ("../../etc/passwd\0.jpg", image)})
        assert answer.status_code == status, answer.text
        assert says in answer.json()["message"] and "passwd" not in answer.text


def test_a_comparison_names_the_image_without_a_face(service: httpx.Client, collins_bytes: bytes) -> None:
    answer = service.post("/v1/compare", files={"first": collins_bytes, "second": WALL})
    assert answer.status_code == 422 and answer.json()["message"].startswith("second shows no face")


def test_requests_at_the_same_time_get_their_own_answers(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes
) -> None:
    def boxes(data: bytes) -> object:
        return service.post("/v1/detect", files={"image": data}, timeout=60).json()["faces"]

    images = [collins_bytes, hopper_bytes, WALL] * 4
    alone = {data: boxes(data) for data in set(images)}
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(boxes, images)) == [alone[data] for data in images]
