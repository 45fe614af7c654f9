"""Cursors of lists: where the next page begins, for whom and of which list, signed so that nobody makes one up.

The key of the signature is a file of the service's folder. A cursor of another caller, gallery or filter is refused
like one that was changed.
"""

import base64
import binascii
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from mien.service.errors import ServiceError
from mien.service.key_files import read_key

FILE = "cursor.key"
SIGNATURE = 16
"""Bytes of the signature."""


class Cursors:
    """Signs cursors and reads them again.

    Args:
        folder: of the service; the key is made in it where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._key = read_key(folder / FILE)

    def write(self, after: Any, **bound: str | None) -> str:  # noqa: ANN401 - any JSON
        """A cursor.

        Args:
            after: where the next page begins.
            bound: what it is for: the caller, the gallery, the filter.
        """
        content = json.dumps(after, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(content, bound) + content).decode()

    def read(self, text: str, **bound: str | None) -> Any:  # noqa: ANN401 - what was written
        """Where the next page begins.

        Raises:
            ServiceError: it was changed, or is of another list.
        """
        try:
            raw = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raw = b""
        signature, content = raw[:SIGNATURE], raw[SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(content, bound)):
            message = "this cursor is not of this list: take `next` of its last page, or begin without a cursor"
            raise ServiceError(422, "invalid_cursor", message)
        return json.loads(content)

    def _sign(self, content: bytes, bound: dict[str, str | None]) -> bytes:
        text = json.dumps(bound, sort_keys=True).encode()
        return hmac.new(self._key, hashlib.sha256(text).digest() + content, hashlib.sha256).digest()[:SIGNATURE]
