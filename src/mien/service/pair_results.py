"""Decisions on the pairs of lists, as jobs make them: kept for some hours, encrypted, and erased on request.

Names of files and pairs are kept apart from the decisions, so that they can be forgotten when somebody is erased.
Which hours those are is the operator's choice; with 0 nothing is kept. Knows no request and compares nothing.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.service.sealing import Sealing
from mien.service.state_file import StateFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PairNames:
    """What a row of a list is called.

    Attributes:
        id: of the pair.
        a: the first image, as the list has it.
        b: the second image, as the list has it.
        first: the path of the first image; empty where the row has a problem.
        second: the path of the second image; empty where the row has a problem.
    """

    id: str
    a: str
    b: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPair:
    """The decision on one row.

    Attributes:
        row: its line in the list.
        names: None once they were forgotten.
        decision: as JSON.
        review: whether a person should look at it.
        near: distance of its score from the threshold; None where it was not compared.
    """

    row: int
    names: PairNames | None
    decision: Mapping[str, Any]
    review: bool
    near: float | None


SELECT = "SELECT row, names, decision, review, near FROM pairs WHERE job = ?"


class PairResults:
    """The decisions of all lists.

    Args:
        file: in which they are kept.
        folder: of the service, which may have the key.
        hours: how long they are kept after their job has ended; 0 keeps none.
    """

    def __init__(self, file: StateFile, folder: Path, hours: float) -> None:
        self._file, self._sealing, self._seconds = file, Sealing(folder, "pairs"), 3600 * hours

    def put(self, job: str, pairs: Sequence[KeptPair]) -> None:
        """Keep decisions of a job, in place of former ones on the same rows."""
        if not self._seconds:
            return

        def sealed(one: KeptPair, value: Mapping[str, Any]) -> bytes:
            return self._sealing.seal(json.dumps(value).encode(), f"{job} {one.row}")

        rows = [
            (
                job,
                one.row,
                one.review,
                one.near,
                sealed(one, dict(one.decision)),
                None if one.names is None else sealed(one, asdict(one.names)),
            )
            for one in pairs
        ]
        with self._file.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO pairs (job, row, review, near, decision, names) VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )

    def all(self, job: str) -> list[KeptPair]:
        """All decisions of a job that are kept, in the order of the rows."""
        return self._read(job, SELECT + " ORDER BY row", job)

    def page(self, job: str, *, review: bool, start: int, count: int) -> list[KeptPair]:
        """Some decisions of a job.

        Args:
            job: the id.
            review: only what a person should look at, nearest to the threshold first; else in the order of the rows.
            start: number of those to leave out.
            count: maximum number.
        """
        wanted = " AND review ORDER BY near IS NULL, near, row" if review else " ORDER BY row"
        return self._read(job, f"{SELECT}{wanted} LIMIT ? OFFSET ?", job, count, start)

    def find(self, job: str, row: int) -> KeptPair | None:
        """The decision on one row, where it is kept."""
        found = self._read(job, SELECT + " AND row = ?", job, row)
        return found[0] if found else None

    def erase(self, job: str) -> int:
        """Erase the decisions of a job; give their number."""
        with self._file.transaction() as db:
            return db.execute("DELETE FROM pairs WHERE job = ?", (job,)).rowcount

    def erase_old(self) -> None:
        """Erase what was kept for its hours, and what belongs to jobs that are forgotten."""
        now = time.time()
        old = (
            "job NOT IN (SELECT id FROM jobs WHERE ended IS NULL OR (ended > ? AND ended < ?))",
            # A clock that was set back keeps nothing for longer.
            (now - self._seconds, now + max(self._seconds, 1)),
        )
        with self._file.reading() as db:
            if db.execute(f"SELECT 1 FROM pairs WHERE {old[0]} LIMIT 1", old[1]).fetchone() is None:  # noqa: S608
                return
        with self._file.transaction() as db:
            db.execute(f"DELETE FROM pairs WHERE {old[0]}", old[1])  # noqa: S608
        self._file.empty_log()

    def forget_names(self) -> None:
        """Drop the names of pairs and files, since somebody whom they name may have been erased."""
        with self._file.transaction() as db:
            db.execute("UPDATE pairs SET names = NULL WHERE names IS NOT NULL")

    def _read(self, job: str, query: str, *values: object) -> list[KeptPair]:
        with self._file.reading() as db:
            rows = db.execute(query, values).fetchall()
        return [self._opened(job, *row) for row in rows]

    def _opened(
        self, job: str, row: int, names: bytes | None, decision: bytes, review: int, near: float | None
    ) -> KeptPair:
        def text(sealed: bytes) -> Any:  # noqa: ANN401 - JSON
            return json.loads(self._sealing.open(sealed, f"{job} {row}", "list"))

        return KeptPair(
            row=row,
            names=None if names is None else PairNames(**text(names)),
            decision=text(decision),
            review=bool(review),
            near=near,
        )
