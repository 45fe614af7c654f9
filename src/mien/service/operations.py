"""What routes say of themselves in the OpenAPI document: bodies in both forms, and the errors that all share."""

import copy
from typing import Any

from pydantic import BaseModel

from mien.service.bodies import JSON, MULTIPART
from mien.service.errors import ErrorBody

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in {
        401: "not signed in, or an unknown or expired key",
        403: "the key or account may not do this",
        404: "there is nothing of this id or address, or the caller has no access to it",
        408: "the body arrived too slowly",
        409: "it does not fit the present state",
        413: "more bytes, parts, pixels or faces than the service takes",
        415: "the body is neither JSON nor multipart",
        422: "a field or an image cannot be used",
        429: "busy, or tried too often; the header Retry-After has the seconds",
        503: "a model or a gallery cannot be used at the moment",
    }.items()
}
"""The refusals that any operation may give, all with the same body."""


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a body that is read by mien.service.bodies: JSON, or multipart with files."""
    schema = inlined(model.model_json_schema())
    content = {JSON: {"schema": schema}, MULTIPART: {"schema": _with_files(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without references: their targets stand in their places."""
    known = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            if "$ref" in value:
                return resolve(copy.deepcopy(known[value["$ref"].rpartition("/")[2]]))
            return {key: resolve(item) for key, item in value.items()}
        return [resolve(item) for item in value] if isinstance(value, list) else value

    found: dict[str, Any] = resolve(schema)
    return found


def _with_files(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A schema in which base64 texts are files."""
    if isinstance(value, list):
        return [_with_files(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("contentEncoding") == "base64":
        rest = {key: item for key, item in value.items() if key in ("title", "description")}
        return {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary", **rest}
    return {key: _with_files(item) for key, item in value.items()}
