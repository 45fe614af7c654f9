"""What is known of the searches of a database: their recall, which a gallery keeps, and the effort that follows.

Where it is not known, or not enough at any effort, searches take the safe way. Measures nothing; see recall.py.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mien.gallery.vectors import asks_for_exact

if TYPE_CHECKING:
    from mien.gallery.stores.sqlite import SqliteStore
    from mien.gallery.stores.sqlite_outside import SqliteOutside
    from mien.gallery.vectors.base import VectorStore

KEPT = "recall"
"""The name under which a gallery keeps it."""

MIN_RECALL = 0.999
"""Share of the nearest templates that an effort has to find, so that searches take it."""

GROWTH = 1.5
"""How much a gallery grows before the recall has to be measured again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How many of the nearest templates a database finds.

    Attributes:
        address: of the database.
        templates: that it had.
        effort: templates that a search weighs up; None: every answer is proven.
        probes: searches, half of them of enrolled subjects.
        wanted: nearest templates of all searches together.
        found: of these.
        whole: searches that found all of theirs.
        at: when it was measured, in seconds since 1970 (UTC).
    """

    address: str
    templates: int
    effort: int | None
    probes: int
    wanted: int
    found: int
    whole: int
    at: float

    @property
    def value(self) -> float:
        """Share of the nearest that are found."""
        return self.found / self.wanted if self.wanted else 1.0

    @property
    def is_enough(self) -> bool:
        """Whether searches may take this effort."""
        return self.value >= MIN_RECALL


def keep_recall(file: SqliteStore, recall: Recall) -> None:
    """Write it down in the gallery."""
    file.write_kept(KEPT, json.dumps(asdict(recall)))


def kept_recall(file: SqliteOutside) -> Recall | None:
    """What was measured of the database that has the vectors now; None where that was not."""
    text = file.read_kept(KEPT)
    found = json.loads(text) if text else {}
    # Before efforts were chosen, none was written down.
    if found.get("address") != file.vectors_at or "effort" not in found:
        return None
    return Recall(**found)


def is_outdated(recall: Recall, templates: int) -> bool:
    """Whether a gallery has grown too much since."""
    return templates > GROWTH * max(recall.templates, 100)


def chosen_effort(file: SqliteOutside, vectors: VectorStore, templates: int) -> int | None:
    """What searches weigh up: the effort that was measured and is enough, and else the safe one; None: everything.

    Args:
        file: the gallery.
        vectors: its database.
        templates: how many there are now.
    """
    if asks_for_exact(vectors.address):
        return None
    recall = kept_recall(file)
    if recall is None or not recall.is_enough or is_outdated(recall, templates):
        return vectors.safe_effort
    return recall.effort
