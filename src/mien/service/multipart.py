"""Multipart bodies to parts, in memory alone. Owns the limits on parts and their headers; knows no field.

The body was read whole, under its own limit, before it comes here. File names are not kept: they are personal, and no
name of a client becomes part of an answer or a path.
"""

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mien.service.errors import ServiceError


@dataclass(slots=True)
class Part:
    """One part.

    Attributes:
        name: of the field.
        is_file: whether it came with a file name.
        data: its bytes.
    """

    name: str = ""
    is_file: bool = False
    data: bytearray = field(default_factory=bytearray)


def parse_multipart(body: bytes, content_type: str, max_parts: int) -> list[Part]:
    """Split a multipart body.

    Args:
        body: the whole body.
        content_type: the header, which names the boundary.
        max_parts: more parts are refused.

    Raises:
        ServiceError: it is not multipart, it is cut off, or has too many parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= 256:
        raise ServiceError(422, "invalid_request", "the multipart body has no boundary in its content-type: add one")
    reader = _Reader(max_parts)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as reason:
        raise ServiceError(422, "invalid_request", f"the multipart body cannot be read ({reason})") from None
    if not reader.complete:
        raise ServiceError(422, "invalid_request", "the multipart body is cut off: it lacks its last boundary")
    return reader.parts


class _Reader:
    """Collects what the parser finds."""

    def __init__(self, max_parts: int) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._max_parts = max_parts
        self._name, self._value = bytearray(), bytearray()
        self._disposition = b""

    def callbacks(self) -> dict[str, object]:
        """The functions that the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": lambda data, start, end: self.parts[-1].data.extend(data[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= self._max_parts:
            message = f"the body has more than {self._max_parts} parts: send fewer at a time"
            raise ServiceError(413, "too_many_parts", message)
        self.parts.append(Part())
        self._disposition = b""

    def _header_end(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        options = parse_options_header(self._disposition)[1]
        if b"name" not in options:
            message = "a part of the body has no name in its content-disposition: name the field"
            raise ServiceError(422, "invalid_request", message)
        self.parts[-1].name = options[b"name"].decode("utf-8", "replace")
        self.parts[-1].is_file = b"filename" in options

    def _end(self) -> None:
        self.complete = True
