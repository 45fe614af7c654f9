"""Bodies of requests to checked values: JSON with base64, or multipart with files, by one and the same model.

Owns what is refused before a model sees it (size, slowness, depth, double keys), and how faults are reported.
A model forbids unknown fields; each refusal names the nearest right one. Decodes no image.
"""

import asyncio
import base64
import binascii
import json
import time
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from starlette.requests import ClientDisconnect, Request

from mien.nearest import SHORT, did_you_mean
from mien.service.capacity import Seat
from mien.service.config import Limits
from mien.service.errors import ClientGoneError, ServiceError
from mien.service.multipart import Part, parse_multipart

MULTIPART, JSON, FORM = "multipart/form-data", "application/json", "application/x-www-form-urlencoded"
LARGE_BODY = 256 * 1024
"""Bytes from which on a body is parsed in a thread, so that other requests need not wait."""
MAX_DEPTH = 32
SHOWN = 20
"""Maximum number of faults of one request that are listed."""

Model = TypeVar("Model", bound="RequestModel")


class RequestModel(BaseModel):
    """A body that a client sends. Unknown fields are refused; numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _from_base64(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("must be the bytes of an image file as base64 text")
    text = value.partition(",")[2] if value.startswith("data:image/") else value
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64: send the bytes of an image file as base64 text, or as multipart") from None


ImageBytes = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*", "minLength": 4}),
]
"""An image file: base64 in JSON, a file in multipart."""


def body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads the body of a request as a model."""

    async def read(request: Request) -> Model:
        data, kind = await read_body(request), content_kind(request)
        limits: Limits = request.app.state.config.limits
        content_type = request.headers.get("content-type", "")

        def parse() -> Model:
            fields = (
                fields_of(parse_multipart(data, content_type, limits.parts), model)
                if kind == MULTIPART
                else parse_json(data)
            )
            return validated(model, fields)

        return await asyncio.to_thread(parse) if len(data) > LARGE_BODY else parse()

    return read


def content_kind(request: Request) -> str:
    """The kind of a body.

    Raises:
        ServiceError: it is neither JSON nor multipart.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (MULTIPART, JSON):
        message = f"the content-type is '{kind[:80]}': send {JSON} with images as base64, or {MULTIPART}"
        raise ServiceError(415, "unsupported_media_type", message)
    return kind


async def read_body(request: Request) -> bytes:
    """Read a body whole, under the limits on its size, on its time and on what all requests hold.

    Raises:
        ServiceError: it is too large or too slow, or the service is busy.
    """
    kept: bytes | None = getattr(request.state, "body", None)
    if kept is not None:
        return kept
    limits: Limits = request.app.state.config.limits
    seat: Seat = request.state.seat
    began, size, chunks = time.monotonic(), 0, []
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.body_bytes:
                    raise too_large(limits)
                seat.add(size=len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        message = f"the body did not arrive within {limits.body_seconds:g} s: send it again over a faster connection"
        raise ServiceError(408, "too_slow", message, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise ClientGoneError from None
    data: bytes = b"".join(chunks)
    request.app.state.metrics.time("body", time.monotonic() - began)
    request.state.body = data
    return data


def too_large(limits: Limits) -> ServiceError:
    """The refusal of a body over the limit."""
    message = f"the body has more than {limits.body_bytes} bytes: send smaller images, or fewer at a time"
    return ServiceError(413, "too_large", message, headers={"Connection": "close"})


def parse_json(data: bytes) -> Any:  # noqa: ANN401 - whatever was sent; a model checks it
    """JSON that no reader can take in two ways: no double keys, no NaN, no lone surrogates, not nested too deeply.

    Raises:
        ServiceError: with the reason.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        _check_depth(value)
    except UnicodeDecodeError:
        raise _invalid("the body is not UTF-8") from None
    except RecursionError:
        raise _invalid(f"the JSON is nested more than {MAX_DEPTH} deep") from None
    except ValueError as reason:
        raise _invalid(f"the body is not JSON that can be read ({str(reason)[:120]})") from None
    return value


def _invalid(message: str) -> ServiceError:
    return ServiceError(422, "invalid_request", f"{message}: see GET /v1/openapi.json for what this operation takes")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice in an object")
    return found


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"{name} is not a number")


def _check_depth(value: object, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise RecursionError
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _check_depth(item, depth + 1)


def fields_of(parts: Sequence[Part], model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a multipart body, as the model takes them: files as bytes, text as the text of JSON strings.

    A field that the model takes several times becomes a list. Text of a field that is neither text nor file is JSON.

    Raises:
        ServiceError: a field occurs more often than the model takes it.
    """
    fields: dict[str, Any] = {}
    for part in parts:
        known = model.model_fields.get(part.name)
        kind = None if known is None else known.annotation
        value = _part_value(part, kind)
        if get_origin(_plain(kind)) in (list, tuple):
            fields.setdefault(part.name, []).append(value)
        elif part.name in fields:
            raise ServiceError(422, "invalid_request", f"the field {part.name[:80]} occurs twice: send it once")
        else:
            fields[part.name] = value
    return fields


def _part_value(part: Part, kind: Any) -> Any:  # noqa: ANN401 - a type and its value
    if part.is_file:
        return bytes(part.data)
    text = part.data.decode("utf-8", "replace")
    if _plain(kind) in (bool, int, float) or (
        isinstance(_plain(kind), type) and issubclass(_plain(kind), dict | BaseModel)
    ):
        return parse_json(bytes(part.data))
    return text


def _plain(kind: Any) -> Any:  # noqa: ANN401 - a type
    """A type without `| None`."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [one for one in get_args(kind) if one is not type(None)]
        return inner[0] if len(inner) == 1 else kind
    return kind


def validated(model: type[Model], fields: Any) -> Model:  # noqa: ANN401 - whatever was sent
    """The fields as a model.

    Raises:
        ServiceError: with every fault, and the nearest right names of unknown fields.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as reason:
        raise refused_fields(
            reason.errors(include_input=False, include_url=False), tuple(model.model_fields)
        ) from None


def refused_fields(errors: Sequence[Mapping[str, Any]], names: Sequence[str]) -> ServiceError:
    """What is wrong with the fields of a request."""
    details = [{"field": _place(one["loc"]), "problem": _problem(one, names)} for one in errors[:SHOWN]]
    first = details[0]
    message = f"{first['field'] or 'the body'}: {first['problem']}"
    more = f" (and {len(errors) - 1} more, in details)" if len(errors) > 1 else ""
    return ServiceError(422, "invalid_request", message + more, details)


def _place(place: Sequence[str | int]) -> str:
    parts = [part for part in place if part not in ("body", "query", "path")]
    return ".".join(str(part)[:80] for part in parts).encode("utf-8", "backslashreplace").decode()


def _problem(error: Mapping[str, Any], names: Sequence[str]) -> str:
    if error["type"] == "extra_forbidden":
        wrong = str(error["loc"][-1])[:80]
        known = names if len(error["loc"]) == 1 else ()
        hint = did_you_mean(wrong, known, SHORT) or (f"; there are {', '.join(known)}" if known else "")
        return f"there is no such field{hint}"
    if error["type"] == "missing":
        return "is missing: send it"
    return str(error["msg"]).removeprefix("Value error, ")
