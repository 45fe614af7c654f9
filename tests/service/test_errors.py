"""Each kind of failure has one status and code."""

import pytest

from mien import errors
from mien.service.errors import ServiceError, body_of, from_http, from_mien, not_found


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (errors.ScopeError("s"), 422, "out_of_scope"),
        (errors.ImageError("s"), 422, "image_not_usable"),
        (errors.ContractError("s"), 409, "contract_mismatch"),
        (errors.SubjectNotFoundError("s"), 404, "not_found"),
        (errors.GalleryError("s"), 503, "gallery_not_usable"),
        (errors.ModelNotFoundError("s"), 503, "model_not_usable"),
        (errors.MienError("s"), 422, "invalid_request"),
        (ServiceError(418, "teapot", "s"), 418, "teapot"),
    ],
)
def test_errors_of_use_cases(reason: errors.MienError, status: int, code: str) -> None:
    found = from_mien(reason)
    assert (found.status, found.code, str(found)) == (status, code, "s")


def test_the_router_refuses_with_what_is_allowed() -> None:
    assert "use GET" in str(from_http(405, "Method Not Allowed", {"Allow": "GET"}))
    assert "openapi.json" in str(from_http(404, "Not Found", None))


def test_nothing_and_no_access_look_the_same() -> None:
    body = body_of(not_found("gallery"), "id")
    assert body["code"] == "not_found" and "no access" in body["message"] and body["request_id"] == "id"
