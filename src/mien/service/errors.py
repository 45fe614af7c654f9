"""The one form of every failure: code, message with remedy, details, request id. Owns which error is which status.

Every answer that is not a success has this body, also those of the router (404, 405) and of faults (500). Messages
never hold a path of the server or a trace.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mien.errors import (
    CardError,
    ContractError,
    GalleryError,
    ImageError,
    LanguageError,
    MienError,
    ModelError,
    RuleError,
    SampleNotFoundError,
    ScopeError,
    SettingsError,
    SubjectNotFoundError,
    SubjectStateError,
)


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    model_config = ConfigDict(extra="forbid")

    code: str
    """What went wrong, for programs."""
    message: str
    """The same for people, with what to do about it."""
    details: list[dict[str, Any]]
    """Field by field or image by image, where there is more to say."""
    request_id: str
    """Under which the service logged the request; also the header x-request-id."""


class ServiceError(MienError):
    """A request that is refused.

    Args:
        status: of HTTP.
        code: for programs.
        message: one sentence with the remedy.
        details: more of it.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.details, self.headers = [dict(one) for one in details], dict(headers or {})


class ClientGoneError(ServiceError):
    """A client that hung up; nobody reads the answer."""

    def __init__(self) -> None:
        super().__init__(499, "client_gone", "the client closed the connection before the answer was ready")


STATUS_OF: tuple[tuple[type[MienError], int, str], ...] = (
    (ScopeError, 422, "out_of_scope"),
    (ImageError, 422, "image_not_usable"),
    (ContractError, 409, "contract_mismatch"),
    (CardError, 422, "threshold_unknown"),
    (SubjectNotFoundError, 404, "not_found"),
    (SampleNotFoundError, 404, "not_found"),
    (SubjectStateError, 409, "not_recognizable"),
    (RuleError, 422, "invalid_request"),
    (SettingsError, 422, "invalid_request"),
    (LanguageError, 422, "invalid_request"),
    (GalleryError, 503, "gallery_not_usable"),
    (ModelError, 503, "model_not_usable"),
    (MienError, 422, "invalid_request"),
)
"""Errors of use cases by their kind, the narrower ones first."""

NOT_FOUND = "there is nothing at this address; GET /v1/openapi.json lists the operations"
UNEXPECTED = "the service failed on this request, which is a fault of its own; its log has the request id"


def from_mien(reason: MienError) -> ServiceError:
    """What a use case refused, as an answer."""
    if isinstance(reason, ServiceError):
        return reason
    status, code = next((status, code) for kind, status, code in STATUS_OF if isinstance(reason, kind))
    return ServiceError(status, code, str(reason))


@contextmanager
def refusing_values() -> Iterator[None]:
    """Values of a request that a gallery does not take are the request's fault, and not the gallery's."""
    try:
        yield
    except GalleryError as reason:
        raise ServiceError(422, "invalid_request", str(reason)) from None


def without_paths(message: str, folder: Path) -> str:
    """A message of a use case without the server's paths: a gallery's file becomes GALLERY, another one PATH."""
    of_service = re.escape(str(folder)) + r"/[^\s'\"`,;:()]*"
    message = re.sub(of_service, "GALLERY", message)
    return re.sub(r"(?<![\w.])/(?:[\w.+@-]+/)+[\w.+@-]+", "PATH", message) if "/v1/" not in message else message


def from_http(status: int, detail: str, headers: Mapping[str, str] | None) -> ServiceError:
    """What the router refused, as an answer."""
    if status == HTTPStatus.NOT_FOUND:
        return ServiceError(status, "not_found", NOT_FOUND)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (headers or {}).get("Allow") or (headers or {}).get("allow", "another method")
        message = f"this address does not take that method; use {allowed}"
        return ServiceError(status, "method_not_allowed", message, headers=headers)
    return ServiceError(status, "refused", detail, headers=headers)


def body_of(reason: ServiceError, request_id: str) -> dict[str, Any]:
    """The body of a refusal."""
    body = ErrorBody(code=reason.code, message=str(reason), details=reason.details, request_id=request_id)
    return body.model_dump()


def not_found(what: str) -> ServiceError:
    """Something that there is not, or that the caller may not know of; both look the same."""
    return ServiceError(404, "not_found", f"there is no such {what}, or this key or account has no access to it")
