"""Writes a report into a folder: report.json, report.html, report.md and its charts as PNG. Computes nothing."""

from pathlib import Path

from mien.evaluate.charts import draw
from mien.evaluate.markdown import markdown
from mien.evaluate.page import page
from mien.evaluate.report import Report
from mien.output_names import OutputGuard

FILES = ("report.json", "report.md", "report.html")
"""Of every report; charts have names of their own."""


def report_files(out: Path) -> list[Path]:
    """Where a report will be written, so that a place can be refused before the work."""
    return [out / name for name in FILES]


def write_report(report: Report, out: Path, language: str = "en", *, guard: OutputGuard | None = None) -> None:
    """Write all forms of a report in a language; every file is complete, and replaces an older one.

    Args:
        report: what is written.
        out: the folder.
        language: a code with a catalogue.
        guard: keeps files that mien did not make; None replaces them too.

    Example:
        >>> report = mien.evaluate_impostors(mien.read_embedded(Path("portraits.parquet")))
        >>> mien.write_report(report, Path("report"))
        >>> sorted(path.name for path in Path("report").glob("report.*"))
        ['report.html', 'report.json', 'report.md']
    """
    spoken = report.in_language(language)
    drawings = {chart.name: draw(chart, language) for chart in spoken.charts}
    left_out = None if report.thresholds else {"thresholds"}
    files = {f"{name}.png": drawing.png for name, drawing in drawings.items()}
    files["report.json"] = spoken.model_dump_json(indent=1, exclude=left_out).encode()
    files["report.md"] = markdown(spoken, language).encode()
    files["report.html"] = page(spoken, drawings, language).encode("utf-8", "backslashreplace")
    # Nothing is written before everything is made.
    guard = guard or OutputGuard(overwrite=True)
    guard.check(out / name for name in files)
    for name, data in files.items():
        with guard.write(out / name) as scratch:
            scratch.write_bytes(data)
