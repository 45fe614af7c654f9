"""mien verify: many pairs of images decided at once. Parses, calls and prints."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, NO, OK, PARTLY, UNCERTAIN, WRONG, emit, err, fail, out, plural, show
from mien.verify.decisions import order_for_review
from mien.verify.files import PAGE, as_json, sentence, summary
from mien.verify.log import DecisionLog
from mien.verify.review import FACTOR
from mien.verify.verifying import verify_pairs

MAX_SHOWN = 20
"""Pairs to review, and images that failed, that are named in the terminal; all of them are in the files."""


def verify(
    pairs: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS.csv",
            help="Two columns of images; perhaps an id and a label. Or a folder with two folders of images.",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path,
        typer.Option("--out", help="Folder of the decision log.", show_default=False, callback=output_folder),
    ],
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="A,B", help="The columns of images, if their names say nothing.", show_default=False
        ),
    ] = None,
    fmr: options.VerificationFmr = None,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery", help="Take the threshold that holds for this gallery's people.", show_default=False
        ),
    ] = None,
    scope: options.Scope = None,
    review: Annotated[
        float,
        typer.Option(
            "--review",
            min=1,
            help="List scores for review that a false match rate this many times higher or lower would decide "
            "otherwise; 1 lists none.",
        ),
    ] = FACTOR,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Decide again, in place of a log of other settings or files.")
    ] = False,
    language: options.Language = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Compare many pairs of images, such as identity cards and selfies, and write a decision log.

    Each row of PAIRS.csv names two images, relative to the file. The columns may be called a and b, left and right,
    card and selfie, or otherwise; a column label says same or different, where that is known. Or PAIRS is a folder
    with two folders, in which the images of a pair have one name. Writes decisions.csv, decisions.jsonl, report.json
    and report.html with both faces of each pair. Run it again to continue where it stopped.

    Exits with 0 if all pairs match, 1 if a pair does not, 5 if all others match and a pair is uncertain, 4 if a pair
    could not be compared, and 3 if none could.

    Examples:

      mien verify cards.csv --out decisions/

      mien verify cards.csv --out decisions/ --fmr 1e-4 --scope demand --language vi

      mien verify cards.csv --out decisions/ --columns card_photo,live_photo --gallery staff.gallery
    """
    spoken = options.language(language)
    with progress_bar() as on_progress:
        log = verify_pairs(
            pairs,
            target,
            columns=_columns(columns),
            fmr=fmr,
            detector=options.detector(detector),
            recognizer=recognizer if gallery is not None else options.recognizer(recognizer),
            gallery=gallery,
            scope=options.scope(scope),
            review=review,
            overwrite=overwrite,
            language=spoken,
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    for note in log.notes:
        err.print(f"mien: {note.text(spoken)}")
    if json:
        for one in log.decisions:
            emit(as_json(one, log, spoken))
        emit(summary(log))
    else:
        _show(log, spoken)
    _report(log)
    return _code(log)


def _columns(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != 2 or not all(names):
        fail(f"--columns takes two names with a comma, such as card,selfie, not '{text}'", WRONG)
    return names[0], names[1]


def _show(log: DecisionLog, language: str) -> None:
    table = TerminalTable("to review", "decision", log.threshold.unit, *log.columns, "why")
    order = order_for_review(log.decisions, log.threshold.value)
    for place in order[:MAX_SHOWN]:
        one = log.decisions[place]
        score = "" if one.decision is None else f"{one.decision.score.value:.3f}"
        why = "; ".join(sentence(reason, log, language) for reason in one.reasons if reason.review)
        table.add_row(one.pair.id, one.outcome, score, one.pair.a, one.pair.b, why)
    show(table)
    if len(order) > MAX_SHOWN:
        out.print(f"and {len(order) - MAX_SHOWN} more to review")
    out.print(str(log.out / PAGE))


def _report(log: DecisionLog) -> None:
    """What went wrong, by name, and the counts."""
    named = [
        *(one.pair.problem for one in log.decisions if one.pair.problem),
        *(f"{path}: {why}" if path not in why else why for path, why in log.failed_images.items()),
    ]
    for line in named[:MAX_SHOWN]:
        err.print(f"mien: {line}")
    if len(named) > MAX_SHOWN:
        err.print(f"mien: and {len(named) - MAX_SHOWN} more, in decisions.csv")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in log.counts.items() if count)
    threshold = log.threshold
    err.print(
        f"{plural(len(log.decisions), 'pair')}: {counts}; {len(log.to_review)} to review; threshold {threshold.unit} "
        f"{threshold.value:.3f} at false match rate {threshold.fmr:g}"
    )


def _code(log: DecisionLog) -> int:
    counts = log.counts
    if counts["failed"]:
        return FAILED if counts["failed"] == len(log.decisions) else PARTLY
    if counts["no match"]:
        return NO
    return UNCERTAIN if counts["uncertain"] else OK
