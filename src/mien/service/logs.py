"""The service's log on standard error: lines for people, or JSON for programs. No names, images or embeddings.

A request is one line: its id, method, route (not its address, which may hold a name), status, time, and who sent it,
by id. Of a fault the places in the code are written, without its message, since that may quote what a client sent.
"""

import json
import logging
import sys
import traceback
from typing import Literal

LOG = "mien.service"
FIELDS = ("request_id", "method", "route", "operation", "status", "milliseconds", "caller")
"""What a line about a request has besides."""

LogFormat = Literal["text", "json"]
FORMATS: tuple[LogFormat, ...] = ("text", "json")


class TextFormatter(logging.Formatter):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s")

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        """Where a fault happened, without what it says."""
        error = ei[1] if isinstance(ei, tuple) else None
        return "" if error is None else "\n".join(places_of(error))


class JsonFormatter(TextFormatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        made: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        made |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            made["places"] = places_of(record.exc_info[1])
        return json.dumps(made, ensure_ascii=False)


def places_of(error: BaseException) -> list[str]:
    """The kind of a fault and where it happened, innermost last; also of the faults that it came from."""
    found: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        frames = traceback.extract_tb(chain.__traceback__)
        found = [type(chain).__name__, *(f"{one.filename}:{one.lineno} {one.name}" for one in frames), *found]
        chain = chain.__cause__ or chain.__context__
    return found


def set_up_logs(form: LogFormat) -> None:
    """Write the service's log to standard error, and of others what is a warning or worse."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(LOG).setLevel(logging.INFO)
