"""mien audit and mien check: portraits judged by rules, a data set or one at a time."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mien.cli import options
from mien.cli.terminal import NO, OK, PARTLY, WRONG, counting, emit, err, fail, out, plural, show, track
from mien.errors import MienError
from mien.models.engines import usable_cores
from mien.portrait.checking import DEFAULT_RULES, Checked
from mien.portrait.checking import check as check_portrait
from mien.portrait.dataset.accept import accept as accept_images
from mien.portrait.dataset.audit import Audit, conclude
from mien.portrait.dataset.findings import KINDS
from mien.portrait.dataset.measure_cache import Models, delete_cache, measure_files, read_measurements
from mien.portrait.dataset.metadata import read_metadata
from mien.portrait.dataset.structure import list_data_set
from mien.portrait.report.page import collected
from mien.portrait.report.tables import write_audit
from mien.portrait.report.words import limit, say
from mien.portrait.rules import FAIL, LANGUAGES, SHIPPED, UNKNOWN, Language, load_rules, shipped_text

Rules = Annotated[str, typer.Option("--rules", help=f"{', '.join(SHIPPED)}, or a rule file.")]
PortraitModels = Annotated[
    list[str] | None,
    typer.Option(
        "--portrait-model",
        "--expert",
        help="Portrait model, added with `mien models add --expert`; repeatable.",
    ),
]
InLanguage = Annotated[str, typer.Option("--language", help="en or vi.")]


def audit(
    folder: Annotated[Path, typer.Argument(help="The data set.", show_default=False)],
    rules: Rules = DEFAULT_RULES,
    target: Annotated[
        Path | None, typer.Option("--out", help="Where the report goes; FOLDER-audit by default.", show_default=False)
    ] = None,
    flat: Annotated[
        bool, typer.Option("--flat", help="Identities lie in FOLDER directly, without age groups.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest", help="CSV or Parquet: path or subject, and sex, birth_date, capture_date, age_group."
        ),
    ] = None,
    accept: Annotated[
        Path | None, typer.Option("--accept", help="Copy what passes into this folder, keeping the structure.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="With --accept: hard links instead of copies.")] = False,
    language: InLanguage = "en",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; one a core.", show_default=False)
    ] = None,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Whether to look for wrong labels.")] = True,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep what was measured (with embeddings), so that other rules take seconds."),
    ] = False,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    portrait_models: PortraitModels = None,
    json: options.Json = False,
) -> int:
    """Judge a data set of portraits by rules: image by image, person by person, and as a whole.

    Writes report.html, report.json, images.parquet and .csv, subjects.csv. Goes on where it was interrupted. Exit
    code 0: the requirement is kept; 1: it is not; 4: some files could not be read.

    Examples:

      mien audit portraits/

      mien audit portraits/ --manifest people.csv --language vi --out report/

      mien audit lfw/ --flat --rules my-rules.toml --accept good/
    """
    spoken, detector = _language(language), options.detector(detector)
    chosen = load_rules(rules)
    known = None if manifest is None else read_metadata(manifest)
    place = target or folder.with_name(f"{folder.resolve().name}-audit")
    if place.resolve().is_relative_to(folder.resolve()):
        fail(f"{place} lies in the data set, which is not to be changed: give a folder elsewhere with --out", WRONG)
    listing = list_data_set(folder, chosen.structure, flat=flat)
    models = Models(detector, options.recognizer(recognizer) if labels else "", tuple(portrait_models or ()))
    with counting(len(listing.entries), "measuring") as tell:
        for progress in measure_files(folder, listing.entries, place, models, workers=workers or usable_cores()):
            tell(progress.done)
    if err.is_terminal:
        err.print("comparing images and people ...")
    found = conclude(listing, read_measurements(listing.entries, place), chosen, models, known)
    made_with = {"mien": metadata.version("mien"), "rules": chosen.name, "detector": detector}
    made_with |= {"recognizer": models.recognizer} if labels else {}
    summary = write_audit(found, place, spoken, made_with)
    if not keep:
        delete_cache(place)
    if accept is not None:
        total = int(found.accepted.sum())
        count = sum(1 for _ in track(accept_images(found, accept, link=link), total, "accepting"))
        err.print(f"{plural(count, 'image')} in {accept}")
    if json:
        emit({key: value for key, value in summary.items() if key != "findings"})
    else:
        _show(found, place, spoken)
    return PARTLY if found.unreadable else OK if found.passed else NO


def _language(language: str) -> Language:
    if language not in LANGUAGES:
        fail(f"--language is {' or '.join(LANGUAGES)}, not {language}", WRONG)
    return "vi" if language == "vi" else "en"


def _show(found: Audit, place: Path, language: Language) -> None:
    table = Table(*(say(word, language) for word in ("rule", "limit", "severity", "fail", "not assessed")))
    for result in found.results:
        if result.count(FAIL) or result.count(UNKNOWN):
            rule = result.rule
            table.add_row(
                rule.says(language),
                limit(rule.min, rule.max, rule.unit, language),
                say(rule.severity, language),
                f"{result.count(FAIL):,}",
                f"{result.count(UNKNOWN):,}",
            )
    show(table)
    counts = found.by_kind
    others = Table(say("finding", language), say("severity", language), say("count", language))
    for code, kind in KINDS.items():
        if code in counts:
            others.add_row(kind.title(language), say(kind.severity, language), f"{counts[code]:,}")
    show(others)
    for words in collected(found, language):
        out.print(words)
    count = len(found.entries)
    out.print(say("accepted", language, int(found.accepted.sum()), count))
    out.print(say("kept" if found.passed else "not-kept", language))
    out.print(str(place / "report.html"))


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, or folders of them.", show_default=False)
    ] = None,
    rules: Rules = DEFAULT_RULES,
    language: InLanguage = "en",
    detector: options.Detector = None,
    portrait_models: PortraitModels = None,
    every: Annotated[bool, typer.Option("--all", help="Show the rules that are kept, too.")] = False,
    show_rules: Annotated[
        str | None, typer.Option("--show-rules", help="Print vn-portrait or icao, to be copied and changed.")
    ] = None,
    json: options.Json = False,
) -> int:
    """Judge single photographs by rules, with what to do about them. Exit code 0: all are kept; 1: one is not.

    Examples:

      mien check portrait.jpg

      mien check portrait.jpg --rules icao --language vi

      mien check --show-rules vn-portrait > my-rules.toml
    """
    if show_rules is not None:
        sys.stdout.write(shipped_text(show_rules))
        return OK
    if not paths:
        fail("name a photograph, or --show-rules vn-portrait", WRONG)
    spoken, chosen = _language(language), load_rules(rules)
    passed, broken = True, 0
    files = options.expand(paths)
    for path in track(files, len(files), "checking"):
        try:
            checked = check_portrait(
                path, chosen, detector=options.detector(detector), portrait_models=tuple(portrait_models or ())
            )
        except MienError as reason:
            err.print(f"mien: {reason}")
            broken += 1
            continue
        passed = passed and checked.passed
        if json:
            emit(_as_json(path, checked, spoken))
        else:
            _tell(path, checked, spoken, every)
    return PARTLY if broken else OK if passed else NO


def _tell(path: Path, checked: Checked, language: Language, every: bool) -> None:
    table = Table(*(say(word, language) for word in ("rule", "severity", "count", "limit")), "")
    table.columns[2].header = ""
    for verdict in checked.verdicts:
        if verdict.state == "pass" and not every:
            continue
        rule, value = verdict.rule, verdict.measured.value
        spread = f" ± {verdict.measured.sd:.0f}" if verdict.measured.sd else ""
        shown = "" if value is None else f"{value:.3g}{spread} {rule.unit}".strip()
        state = say(verdict.state, language) + (f": {verdict.reason}" if verdict.reason else "")
        table.add_row(
            rule.says(language),
            say(rule.severity, language),
            shown,
            limit(rule.min, rule.max, rule.unit, language),
            state,
        )
    out.print(f"{path}: {say('passed' if checked.passed else 'failed', language)}")
    show(table)
    if checked.quality is not None:
        out.print(f"{say('overall', language)}: {checked.quality:.0f}")
    for words in checked.instructions(language):
        out.print(f"- {words}")


def _as_json(path: Path, checked: Checked, language: Language) -> dict[str, object]:
    portrait = checked.examined.portrait
    return {
        "path": str(path),
        "passed": checked.passed,
        "quality": None if checked.quality is None else round(checked.quality, 1),
        "width": portrait.width if portrait else 0,
        "height": portrait.height if portrait else 0,
        "instructions": checked.instructions(language),
        "rules": [
            {
                "id": v.rule.id,
                "state": v.state,
                "severity": v.rule.severity,
                "value": None if v.measured.value is None else round(v.measured.value, 4),
                "sd": round(v.measured.sd, 2),
                "quality": v.measured.quality,
                "unit": v.rule.unit,
                "min": v.rule.min,
                "max": v.rule.max,
                "reason": v.reason,
                "box": None if (box := checked.place(v)) is None else [round(side, 1) for side in box.corners],
            }
            for v in checked.verdicts
        ],
    }
