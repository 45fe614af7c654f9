"""A protocol is reached from the command line through its table entry alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.cli import run
from mien.errors import ManifestError
from mien.evaluate.protocols import PROTOCOLS, sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Number, Report, read_report
from mien.evaluate.scorefile import Embedded, Origin, schema_metadata


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """An embedding file of 6 people; one image had no face."""
    vectors = [row.astype(np.float32) for row in np.eye(6)]
    origin = Origin(contract="c", model="m", metric="cosine", normalized=True, detector="", source="made-set")
    table = pa.table(
        {
            "path": [f"{n}.jpg" for n in range(7)],
            "subject": [f"s{n}" for n in range(7)],
            "status": ["written"] * 6 + ["no face"],
            "detail": [""] * 7,
            "sha256": [""] * 7,
            "embedding": pa.array([*vectors, None], pa.list_(pa.float32())),
        }
    )
    path = tmp_path / "e.parquet"
    pyarrow.parquet.write_table(table.replace_schema_metadata(schema_metadata(origin)), path)
    return path


def count(
    embedded: Embedded,
    *,
    factor: Annotated[int, Option(help="What to multiply by.", min=1)] = 2,
    others: Annotated[Embedded | None, Option(help="A second set.")] = None,
) -> Report:
    """Count samples."""
    total = factor * (len(embedded) + (0 if others is None else len(others)))
    return Report(
        protocol="count",
        title="Count",
        about=sections.about(embedded),
        headline=(f"There are {total} samples.",),
        numbers={"samples": Number(value=total)},
    )


def refuse_thirteen(source: str, options: Mapping[str, Any]) -> None:
    if options["factor"] == 13:
        raise ManifestError(f"{source}: not 13")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> str:
    protocol = Protocol(
        name="count",
        run=count,
        summary="Count the samples of a set.",
        data="any set",
        question="how many?",
        examples=("mien evaluate count e.parquet",),
        check=refuse_thirteen,
    )
    monkeypatch.setitem(PROTOCOLS, "count", protocol)
    return "count"


def test_a_new_protocol_is_one_table_entry(
    made_up: str, embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--help"]) == 0
    assert "Count the samples of a set." in capsys.readouterr().out
    assert run(["evaluate", made_up, "--help"]) == 0
    text = capsys.readouterr().out
    for expected in ("--factor", "What to multiply by.", "--others", "--recognizer", "--engine", "--precision"):
        assert expected in text
    out = tmp_path / "report"
    argv = ["evaluate", made_up, str(embedded), "--factor", "3", "--others", str(embedded)]
    assert run([*argv, "--out", str(out)]) == 0
    assert "There are 36 samples." in capsys.readouterr().out
    assert read_report(out / "report.json").numbers["samples"].value == 36
    assert run(["evaluate", made_up, str(embedded)]) == 0, "a folder for the report is optional"
    assert "There are 12 samples." in capsys.readouterr().out


def test_options_are_checked_before_anything_is_embedded(
    made_up: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", made_up, str(tmp_path / "gone"), "--factor", "13"]) == 3
    assert "gone: not 13" in capsys.readouterr().err
    assert run(["evaluate", made_up, str(tmp_path / "gone"), "--factor", "0"]) == 2
    assert run(["evaluate", made_up, str(tmp_path / "gone"), "--engine", "steam"]) == 2


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    protocol = PROTOCOLS[name]
    guide = (Path(__file__).resolve().parents[2] / "docs/guide/reports.md").read_text(encoding="utf-8")
    assert f"| {protocol.data} | `{name}` | {protocol.question} |" in guide
    assert run(["evaluate", name, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert protocol.summary.split(":")[0] in text and protocol.examples[0].split(" --")[0] in text
    for keyword in protocol.options():
        assert keyword.option.help.split("(")[0].strip() in text, keyword.name


def test_every_keyword_is_an_option_or_filled_by_the_verb() -> None:
    for name, protocol in PROTOCOLS.items():
        others = set(protocol.keywords) - {one.name for one in protocol.options()}
        assert others <= {"card", "recognizer", "engine", "on_progress"}, name
