"""The report of a training."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.run.journal import read_journal  # noqa: E402


def test_before_and_after_are_compared(tuned_run: Path) -> None:
    report = json.loads((tuned_run / "report" / "report.json").read_text())
    assert any("The guard" in line for line in report["headline"])
    assert report["tables"][0]["title"] == "Before and after"
    assert "better" in report["numbers"]
    assert {line["step"] for line in read_journal(tuned_run / "log.jsonl") if "evaluated" in line} == {0, 4}
