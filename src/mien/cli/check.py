"""mien check: single photographs checked by rules. Parses, calls and prints."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mien import portrait
from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, NO, OK, PARTLY, UNCERTAIN, WRONG, emit, err, fail, out, show
from mien.messages import number, translate
from mien.output_names import OutputGuard, output_names
from mien.portrait.checking import DEFAULT_RULES, Checked
from mien.portrait.report.check_page import output_paths, write_check
from mien.portrait.rules.files import SHIPPED, shipped_text
from mien.portrait.rules.text import limit_text, rule_title, value_text
from mien.portrait.rules.verdicts import RuleVerdict
from mien.settings import about

Rules = Annotated[str, typer.Option("--rules", help=f"{', '.join(SHIPPED)}, or a rule file.")]
PortraitModels = Annotated[
    list[str] | None,
    typer.Option(
        "--portrait-model",
        "--expert",
        help=f"{about('portrait_models')} Repeat the option for several.",
        show_default="setting portrait_models",
    ),
]


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, or folders of them.", show_default=False)
    ] = None,
    rules: Rules = DEFAULT_RULES,
    language: options.Language = None,
    detector: options.Detector = None,
    portrait_models: PortraitModels = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    every: Annotated[bool, typer.Option("--all", help="Show the rules that pass, too.")] = False,
    show_rules: Annotated[
        str | None,
        typer.Option(
            "--show-rules", help=f"Print shipped rules ({', '.join(SHIPPED)}) to copy and change.", show_default=False
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the photographs with their faults marked, and a page.",
            show_default=False,
            callback=output_folder,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Check photographs by rules, and say what to do. Exit code 0: all pass; 1: one fails; 5: one is not judged.

    Examples:

      mien check portrait.jpg

      mien check portrait.jpg --rules icao --language vi

      mien check portraits/ --out checked/ --language vi

      mien check --show-rules vn-portrait > my-rules.toml
    """
    if show_rules is not None:
        sys.stdout.write(shipped_text(show_rules))
        return OK
    if not paths:
        fail("name a photograph, or --show-rules vn-portrait", WRONG)
    spoken = options.language(language)
    photographs = options.expand(paths)
    names = output_names(photographs, [path for path in paths if path.is_dir()])
    guard = OutputGuard(photographs, overwrite=overwrite)
    if target is not None:
        guard.check(output_paths(target, names))
    with progress_bar() as on_progress:
        files = portrait.check_files(
            photographs,
            rules,
            detector=options.detector(detector),
            portrait_models=options.portrait_models(portrait_models),
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    for file in files:
        if file.checked is None:
            err.print(f"mien: {file.error}")
        elif json:
            emit(_as_json(file.path, file.checked, spoken))
        else:
            _show(file.path, file.checked, spoken, every)
    if all(file.checked is None for file in files):
        return FAILED
    if target is not None:
        page = write_check(files, names, target, guard, spoken)
        (err if json else out).print(str(page))
    if any(file.checked is None for file in files):
        return PARTLY
    outcomes = {file.checked.outcome for file in files if file.checked is not None}
    return NO if "failed" in outcomes else UNCERTAIN if "not judged" in outcomes else OK


def _show(path: Path, checked: Checked, language: str, every: bool) -> None:
    codes = ("audit.rule", "audit.severity", "check.value", "audit.limit", "audit.result")
    table = TerminalTable(*(translate(code, language) for code in codes))
    for verdict in checked.verdicts if every else checked.shown_verdicts():
        if every or verdict.state != "pass":
            table.add_row(*_row(verdict, language))
    out.print(f"{path}: {translate('check.' + checked.outcome.replace(' ', '-'), language)}")
    show(table)
    if checked.quality is not None:
        out.print(f"{translate('audit.overall', language)}: {number(checked.quality, language, '.0f')}")
    for words in checked.instructions(language):
        out.print(f"- {words}")


def _row(verdict: RuleVerdict, language: str) -> tuple[str, ...]:
    rule, measured = verdict.rule, verdict.measured
    reason = f": {verdict.reason.text(language)}" if verdict.reason else ""
    return (
        rule_title(rule, language),
        translate(f"word.{rule.severity}", language),
        "" if measured.value is None else value_text(measured.value, rule.unit, language, measured.sd),
        limit_text(rule, language),
        translate(f"word.{verdict.state.replace(' ', '-')}", language) + reason,
    )


def _as_json(path: Path, checked: Checked, language: str) -> dict[str, object]:
    return {
        "path": str(path),
        "passed": checked.passed,
        "outcome": checked.outcome,
        "quality": None if checked.quality is None else round(checked.quality, 1),
        "turn": checked.turn,
        "width": checked.width,
        "height": checked.height,
        "instructions": checked.instructions(language),
        "rules": [_verdict_json(checked, verdict, language) for verdict in checked.verdicts],
    }


def _verdict_json(checked: Checked, verdict: RuleVerdict, language: str) -> dict[str, object]:
    rule, measured, box = verdict.rule, verdict.measured, checked.place(verdict)
    return {
        "id": rule.id,
        "state": verdict.state,
        "severity": rule.severity,
        "value": None if measured.value is None else round(measured.value, 4),
        "sd": round(measured.sd, 2),
        "quality": measured.quality,
        "unit": rule.unit,
        "min": rule.min,
        "max": rule.max,
        "reason": verdict.reason.text(language) if verdict.reason else "",
        "box": None if box is None else [round(side, 1) for side in box.corners],
    }
