"""Reads what benchmarks wrote: benchmarks/results/NAME.json and the figures of docs/reports. Writes nothing."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OLD_RATE = re.compile(r"(images|ms|milliseconds|crops) an? (second|image)")


def result(name: str) -> Any:  # noqa: ANN401 - each benchmark has its own form
    """What a benchmark wrote; results of different ages name rates in the same way."""
    text = (ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(OLD_RATE.sub(r"\1 per \2", text))


def numbers(name: str) -> dict[str, dict[str, float]]:
    """The figures of a published report."""
    text = (ROOT / "docs" / "reports" / name / "report.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = json.loads(text)["numbers"]
    return found
