"""Pairs over HTTP are decided as by the command; one bad image fails its pair alone."""

import httpx


def test_pairs_are_decided_in_their_order_and_a_broken_image_fails_its_pair_alone(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes
) -> None:
    files = [
        *(("first", ("x", data)) for data in (collins_bytes, collins_bytes, hopper_bytes, collins_bytes)),
        *(("second", ("x", data)) for data in (collins_bytes, hopper_bytes, hopper_bytes[:9000], hopper_bytes)),
    ]
    answer = service.post("/v1/verify-pairs", files=files, data={"threshold": "fmr:1e-3"})
    assert answer.status_code == 200, answer.text
    pairs = answer.json()["pairs"]
    assert [one["outcome"] for one in pairs] == ["match", "no match", "failed", "no match"]
    assert pairs[0]["review"] and "same-image" in [one["code"] for one in pairs[0]["reasons"]]
    (broken,) = pairs[2]["reasons"]
    assert (broken["side"], broken["code"], pairs[2]["score"]) == ("b", "no-face", None)
    alone = service.post("/v1/compare", files={"first": collins_bytes, "second": hopper_bytes}).json()["decision"]
    assert pairs[1]["score"] == alone["score"] and answer.json()["threshold"] == alone["threshold"]


def test_columns_of_different_length_are_refused(service: httpx.Client, collins_bytes: bytes) -> None:
    files = [("first", ("x", collins_bytes)), ("second", ("x", collins_bytes)), ("first", ("x", collins_bytes))]
    answer = service.post("/v1/verify-pairs", files=files)
    assert answer.status_code == 422 and "send as many of both" in answer.json()["message"]
    assert service.post("/v1/verify-pairs", files=files[:1]).status_code == 422
    many = [(name, ("x", b"x")) for name in ("first", "second") for _ in range(31)]
    assert service.post("/v1/verify-pairs", files=many).status_code == 422
