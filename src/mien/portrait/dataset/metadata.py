"""What a manifest says of people and images beyond their folders: sex, dates, age groups. Opens no image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mien.data.tables import read_table
from mien.errors import AuditError, ManifestError
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.structure import Entry, same_name


@dataclass(slots=True)
class Metadata:
    """What a manifest says, by path and by subject: sex, birth_date, capture_date, age_group, sex_guess.

    Attributes:
        by_path: of images.
        by_subject: of people.
        findings: rows that cannot be read, and facts that are not dates or sexes; the rest of such a row counts.
    """

    by_path: dict[str, dict[str, str]] = field(default_factory=dict)
    by_subject: dict[str, dict[str, str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

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
        file = read_table(path)
    except ManifestError as reason:
        raise AuditError(str(reason)) from reason
    rows = file.table.to_pylist()
    columns = set(file.table.column_names) if rows else set()
    if not columns & {"path", "subject"} or not columns & set(COLUMNS):
        raise AuditError(
            f"{path} needs a column path or subject, and at least one of {', '.join(COLUMNS)}; it has "
            f"{', '.join(sorted(map(str, columns))) or 'no rows'}"
        )
    known = Metadata()
    known.findings += [_finding(problem.where, problem.reason) for problem in file.problems]
    for number, row in zip(file.numbers.tolist(), rows, strict=True):
        facts, wrong = _facts(row)
        known.findings += [_finding(f"{path}, row {number}", reason) for reason in wrong]
        if row.get("path"):
            known.by_path[same_name(str(row["path"]))] = facts
        if row.get("subject"):
            of_image = ("capture_date", "age_group") if row.get("path") else ()
            steady = {name: value for name, value in facts.items() if name not in of_image}
            known.by_subject.setdefault(same_name(str(row["subject"])), {}).update(steady)
    return known


def _finding(where: str, reason: str) -> Finding:
    return Finding(kind="manifest-row", place=where, arguments={"reason": reason})


def _facts(row: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What a row says, and what of it is wrong."""
    said = {name: str(row[name]).strip() for name in COLUMNS if row.get(name) not in (None, "")}
    facts, wrong = {}, []
    for name, value in said.items():
        read = READERS.get(name, str)(value)
        if read is None:
            wrong.append(f"{name} is {EXPECTED[name]}, not '{value}'")
        else:
            facts[name] = read
    return facts, wrong


def _sex(value: str) -> str | None:
    return SEXES.get(same_name(value))


def _date(value: str) -> str | None:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


READERS = {"sex": _sex, "sex_guess": _sex, "birth_date": _date, "capture_date": _date}
EXPECTED = {
    "sex": "male or female",
    "sex_guess": "male or female",
    "birth_date": "a date like 2019-05-31",
    "capture_date": "a date like 2019-05-31",
}


def age_at(facts: Mapping[str, str]) -> int | None:
    """Whole years between birth and capture; None where one of the dates is not known."""
    if "birth_date" not in facts or "capture_date" not in facts:
        return None
    born, taken = (date.fromisoformat(facts[name][:10]) for name in ("birth_date", "capture_date"))
    return taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
