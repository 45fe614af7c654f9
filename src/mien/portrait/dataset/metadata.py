"""What a manifest says of people and images beyond their folders: sex, dates, age groups. Opens no image."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from mien.errors import AuditError
from mien.portrait.dataset.structure import Entry, same_name


@dataclass(slots=True)
class Metadata:
    """What a manifest says, by path and by subject: sex, birth_date, capture_date, age_group, sex_guess."""

    by_path: dict[str, dict[str, str]] = field(default_factory=dict)
    by_subject: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, entry: Entry) -> dict[str, str]:
        """What is known of an image; what is said of the image outranks what is said of the person."""
        person = self.by_subject.get(same_name(Path(entry.subject).name), {})
        return person | self.by_path.get(same_name(entry.path), {})


COLUMNS = ("sex", "sex_guess", "birth_date", "capture_date", "age_group")
SEXES = {
    "m": "male",
    "male": "male",
    "nam": "male",
    "f": "female",
    "female": "female",
    "nữ": "female",
    "nu": "female",
}


def read_metadata(path: Path) -> Metadata:
    """Read a CSV or Parquet table with the columns path or subject (or both), and any of sex, birth_date,
    capture_date, age_group.

    Raises:
        AuditError: unreadable, or without such columns.
    """
    try:
        if path.suffix.lower() == ".parquet":
            rows = pyarrow.parquet.read_table(path).to_pylist()
        else:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream))
    except (OSError, ValueError, UnicodeDecodeError, pa.ArrowException) as reason:
        raise AuditError(f"{path} cannot be read as CSV or Parquet: {reason}") from reason
    columns = set(rows[0]) if rows else set()
    if not columns & {"path", "subject"} or not columns & set(COLUMNS):
        raise AuditError(
            f"{path} needs a column path or subject, and at least one of {', '.join(COLUMNS)}; it has "
            f"{', '.join(sorted(map(str, columns))) or 'no rows'}"
        )
    known = Metadata()
    for number, row in enumerate(rows, start=2):
        facts = _facts(row, f"{path}, row {number}")
        if row.get("path"):
            known.by_path[same_name(str(row["path"]))] = facts
        if row.get("subject"):
            of_image = ("capture_date", "age_group") if row.get("path") else ()
            steady = {name: value for name, value in facts.items() if name not in of_image}
            known.by_subject.setdefault(same_name(str(row["subject"])), {}).update(steady)
    return known


def _facts(row: Mapping[str, Any], where: str) -> dict[str, str]:
    facts = {name: str(row[name]).strip() for name in COLUMNS if row.get(name) not in (None, "")}
    for name in ("sex", "sex_guess"):
        if name in facts:
            said = same_name(facts[name])
            if said not in SEXES:
                raise AuditError(f"{where}: {name} is male or female, not '{facts[name]}'")
            facts[name] = SEXES[said]
    for name in ("birth_date", "capture_date"):
        if name in facts:
            try:
                date.fromisoformat(facts[name][:10])
            except ValueError:
                raise AuditError(f"{where}: {name} is a date like 2019-05-31, not '{facts[name]}'") from None
    return facts


def age_at(facts: Mapping[str, str]) -> int | None:
    """Whole years between birth and capture; None where one of the dates is not known."""
    if "birth_date" not in facts or "capture_date" not in facts:
        return None
    born, taken = (date.fromisoformat(facts[name][:10]) for name in ("birth_date", "capture_date"))
    return taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
