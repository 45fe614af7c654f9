"""The OpenAPI document describes every body in both forms, without references."""

import json

from mien.service.bodies import ImageBytes, RequestModel
from mien.service.operations import takes


class Inner(RequestModel):
    name: str


class Asked(RequestModel):
    image: ImageBytes
    inner: Inner | None = None
    images: tuple[ImageBytes, ...] = ()


def test_a_body_as_json_and_as_multipart() -> None:
    content = takes(Asked)["requestBody"]["content"]
    as_json, as_form = content["application/json"]["schema"], content["multipart/form-data"]["schema"]
    assert as_json["properties"]["image"]["contentEncoding"] == "base64"
    assert as_form["properties"]["image"]["format"] == as_form["properties"]["images"]["items"]["format"] == "binary"
    assert as_json["additionalProperties"] is False and as_json["required"] == ["image"]
    assert "$ref" not in json.dumps(content) and "Inner" in json.dumps(content)
