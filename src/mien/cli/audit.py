"""mien audit: a data set of portraits checked by rules. Parses, calls and prints."""

from pathlib import Path
from typing import Annotated

import typer

from mien import portrait
from mien.cli import options
from mien.cli.check import PortraitModels, Rules
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import NO, OK, PARTLY, WRONG, emit, err, fail, out, plural, show
from mien.messages import Message, number, translate
from mien.models.engines import usable_cores
from mien.portrait.checking import DEFAULT_RULES
from mien.portrait.dataset.accept import is_inside
from mien.portrait.dataset.audit import Audit
from mien.portrait.dataset.findings import KINDS, kind_title
from mien.portrait.report.sentences import accepted, never_judged, to_collect, verdict, why_failed
from mien.portrait.rules.text import limit_text, rule_title
from mien.portrait.rules.verdicts import FAIL


def audit(
    folder: Annotated[Path, typer.Argument(help="The data set.", show_default=False)],
    rules: Rules = DEFAULT_RULES,
    target: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder of the report; FOLDER-audit by default.", show_default=False, callback=output_folder
        ),
    ] = None,
    flat: Annotated[
        bool, typer.Option("--flat", help="Identities are in FOLDER directly, without age groups.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest", help="CSV or Parquet: path or subject, and sex, birth_date, capture_date, age_group."
        ),
    ] = None,
    accept: Annotated[
        Path | None,
        typer.Option(
            "--accept", help="Copy images that pass into this folder, keeping the structure.", callback=output_folder
        ),
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="With --accept: hard links instead of copies.")] = False,
    language: options.Language = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Number of worker processes (default: one per core).", show_default=False),
    ] = None,
    ray: options.Ray = None,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Whether to look for wrong labels.")] = True,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep what was measured (with embeddings), so that other rules take seconds."),
    ] = False,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    portrait_models: PortraitModels = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Check a data set of portraits by rules: every image, every person, and the whole.

    Writes report.html, report.json, images.parquet and .csv, subjects.csv. An interrupted audit resumes. Exit code 0:
    the requirements are met; 1: they are not; 4: some files could not be read.

    Examples:

      mien audit portraits/

      mien audit portraits/ --manifest people.csv --language vi --out report/

      mien audit lfw/ --flat --rules my-rules.toml --accept good/
    """
    spoken = options.language(language)
    if target is not None and is_inside(target, folder):
        fail(f"{target} is in the data set, which must not change: choose a different --out", WRONG)
    with progress_bar() as on_progress:
        found = portrait.audit(
            folder,
            rules,
            out=target,
            flat=flat,
            manifest=manifest,
            accept=accept,
            link=link,
            overwrite=overwrite,
            language=spoken,
            workers=workers or usable_cores(),
            ray_address=ray,
            keep=keep,
            detector=options.detector(detector),
            recognizer=options.recognizer(recognizer) if labels else None,
            portrait_models=options.portrait_models(portrait_models),
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    if accept is not None:
        err.print(f"{plural(found.accepted, 'image')} in {accept}")
    if json:
        emit({key: value for key, value in found.summary.items() if key != "findings"})
    else:
        _show_audit(found.audit, spoken)
        out.print(str(found.out / "report.html"))
    return PARTLY if found.audit.unreadable else OK if found.audit.passed else NO


def _show_audit(found: Audit, language: str) -> None:
    show(_rules(found, language))
    show(_findings(found, language))
    nobody = [Message("audit.no-face", {"count": found.no_face})] if found.no_face else []
    unjudged = never_judged(found, language)
    for message in (*nobody, *to_collect(found), *unjudged, accepted(found), verdict(found)):
        out.print(message.text(language))
    if reasons := "; ".join(one.text(language) for one in why_failed(found, language)):
        out.print(translate("audit.because", language, reasons=reasons))


def _rules(found: Audit, language: str) -> TerminalTable:
    """The rules that images fail, or that could not be assessed."""
    codes = ("audit.rule", "audit.limit", "audit.severity", "word.fail", "word.not-assessed")
    table = TerminalTable(*(translate(code, language) for code in codes))
    for result in found.results:
        rule, failed, unknown = result.rule, result.count(FAIL), found.open(result)
        if failed or unknown:
            table.add_row(
                rule_title(rule, language),
                limit_text(rule, language),
                translate(f"word.{rule.severity}", language),
                number(failed, language),
                number(unknown, language),
            )
    return table


def _findings(found: Audit, language: str) -> TerminalTable:
    """How many findings there are of each kind."""
    table = TerminalTable(*(translate(code, language) for code in ("audit.finding", "audit.severity", "audit.count")))
    counts = found.by_kind
    for kind, severity in KINDS.items():
        if kind in counts:
            table.add_row(
                kind_title(kind).text(language),
                translate(f"word.{severity}", language),
                number(counts[kind], language),
            )
    return table
