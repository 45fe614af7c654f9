"""What a manifest says of people: ages, and rows that are wrong."""

from pathlib import Path

import pytest

from mien.errors import AuditError
from mien.portrait.dataset.metadata import age_at, read_metadata


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [("2015-06-01", "2022-05-31", 6), ("2015-06-01", "2022-06-01", 7), ("2016-02-29", "2023-02-28", 6)],
)
def test_ages_are_whole_years(born: str, taken: str, years: int) -> None:
    assert age_at({"birth_date": born, "capture_date": taken}) == years


def test_a_manifest_that_is_no_table_of_people_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AuditError, match="needs a column path or subject"):
        read_metadata(tmp_path / "m.csv")
    with pytest.raises(AuditError, match=r"missing\.csv"):
        read_metadata(tmp_path / "missing.csv")


def test_one_bad_date_or_sex_does_not_lose_the_other_people(tmp_path: Path) -> None:
    """It refused the whole audit."""
    rows = ["subject;sex;birth_date", "An;other;2001-02-03", "Binh;nam;31.5.2019", "Chi;nữ;2010-01-01"]
    (tmp_path / "m.csv").write_bytes("\r\n".join(rows).encode("utf-16"))
    known = read_metadata(tmp_path / "m.csv")
    assert known.by_subject["an"] == {"birth_date": "2001-02-03"}
    assert known.by_subject["binh"] == {"sex": "male"}
    assert known.by_subject["chi"] == {"sex": "female", "birth_date": "2010-01-01"}
    said = [one.message.text("en") for one in known.findings]
    assert [text.split(", ", 1)[1] for text in said] == [
        "row 2: sex is male or female, not 'other'",
        "row 3: birth_date is a date like 2019-05-31, not '31.5.2019'",
    ]
