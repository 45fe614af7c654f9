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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "needs a column path or subject"),
        ("subject,sex\nx,other\n", "row 2: sex is male or female, not 'other'"),
        ("subject,birth_date\nx,31.5.2019\n", "row 2: birth_date is a date like 2019-05-31"),
    ],
)
def test_a_wrong_manifest_is_told_by_its_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(AuditError, match=said):
        read_metadata(tmp_path / "m.csv")
    with pytest.raises(AuditError, match="cannot be read"):
        read_metadata(tmp_path / "missing.csv")
