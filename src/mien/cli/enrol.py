"""mien enrol and mien reenrol: put subjects into a gallery, and exchange its model."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mien import gallery as galleries
from mien.cli import options, scoping
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, OK, PARTLY, WRONG, emit, err, fail, out, plural, show
from mien.gallery.enrolment import EnrolmentReport
from mien.gallery.gallery import ADDED, Enrolment
from mien.watch.enrolling import enrol_from_camera


def enrol(
    gallery: options.OutputGallery,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="FOLDER/subject/*.jpg, or a CSV or Parquet manifest; with --subject, images or folders of images.",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Enrol all images for the subject of this name.", show_default=False),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera",
            help="Enrol --subject from this camera, with instructions: 0, or the address of an RTSP or MJPEG stream.",
            show_default=False,
        ),
    ] = None,
    detector: options.Detector = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            help="A model's name or the path of its card.",
            show_default="the gallery's own; setting recognizer for a new one",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave out samples with a conflict.")] = False,
    scope: options.Scope = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Enrol the subjects of a folder or manifest in a gallery.

    A sample is reported as enrolled after it has been written to disk. Samples that are enrolled already are skipped,
    so the command can be run again. Masked, small, blurred and turned faces, for which the recognizer's rates do not
    hold, are left out of galleries that this version made; --scope warn enrols them and says so. Of portraits that
    are too dark, burnt out or taken with dark glasses it warns; --scope demand leaves them out too. What was doubtful
    stays with the sample: see `mien samples`.

    With --camera, the person stands before the camera and reads what to do (come nearer, hold still); three clear
    views of the same face are enrolled, and no image is taken that would be left out.

    Examples:

      mien enrol staff.gallery portraits/

      mien enrol staff.gallery people.csv --json

      mien enrol staff.gallery --subject "Eileen Collins" collins.jpg door.jpg

      mien enrol staff.gallery --subject "Eileen Collins" --camera 0
    """
    language = options.language(None)
    on_enrolment = partial(_emit, language=language) if json else _wait
    if camera is not None:
        _check_camera(sources, subject, scope)
        report = enrol_from_camera(
            gallery,
            subject or "",
            f"camera:{camera}" if camera.isdigit() else camera,
            detector=options.detector(detector),
            recognizer=recognizer,
            options=options.engine_options(engine, precision),
            strict=strict,
            on_instruction=lambda one: err.print(one.text(language)),
        )
        for one in report.enrolments:
            on_enrolment(one)
    else:
        begin = _begin(gallery, sources or [], subject)
        with progress_bar() as on_progress:
            report = begin(
                detector=options.detector(detector),
                recognizer=recognizer,
                options=options.engine_options(engine, precision),
                strict=strict,
                scope=options.scope(scope),
                on_enrolment=on_enrolment,
                on_progress=on_progress,
            )
    for problem in report.problems:
        err.print(f"mien: {problem.where}: {problem.reason}")
    if json:
        emit({"counts": report.counts, "subjects": report.subjects, "problems": len(report.problems)})
    else:
        _show(report, language)
    for note in report.notes:
        err.print(f"mien: {note.text(language)}")
    counts = {**report.counts, **({"left out as no sample": len(report.problems)} if report.problems else {})}
    err.print(f"{gallery}: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    if not any(report.counts.get(status) for status in ADDED):
        return FAILED
    return PARTLY if report.rejected or report.problems else OK


def _begin(gallery: str, sources: Sequence[Path], subject: str | None) -> Callable[..., EnrolmentReport]:
    """The enrolment of one subject, or of all that a folder or manifest names."""
    if not sources:
        fail("name a folder or manifest, images with --subject, or --camera", WRONG)
    if subject is not None:
        return partial(galleries.enrol_subject, gallery, subject, options.expand(sources))
    if len(sources) > 1:
        fail(f"name one folder or manifest, or say whose images these {len(sources)} are with --subject", WRONG)
    return partial(galleries.enrol, gallery, sources[0])


def _check_camera(sources: Sequence[Path] | None, subject: str | None, scope: str | None) -> None:
    """End where --camera does not go with what else was asked for."""
    if subject is None:
        fail("--camera needs --subject: whose face is enrolled", WRONG)
    if sources:
        fail(f"--camera takes the images itself: leave out {sources[0]}", WRONG)
    if scope not in (None, "auto", "demand"):
        fail("--camera takes clear views alone: leave out --scope", WRONG)


def _wait(result: Enrolment) -> None:
    """Tables are shown at the end."""


def _emit(result: Enrolment, language: str) -> None:
    emit(
        {
            "path": str(result.sample.path),
            "subject": result.sample.subject,
            "status": result.status,
            "detail": result.detail,
            "conflicts": [
                {"kind": c.kind, "subject": c.subject, "score": round(c.score.value, 4), "unit": c.score.unit}
                for c in result.conflicts
            ],
            "outside": scoping.outside(result.doubts, language),
        }
    )


def _show(report: EnrolmentReport, language: str) -> None:
    rejected = TerminalTable("not enrolled", "subject", "why", "detail")
    for result in report.rejected:
        if result.status in ("out of scope", "poor portrait"):
            continue
        rejected.add_row(str(result.sample.path), result.sample.subject, result.status, result.detail)
    conflicts = TerminalTable("conflict", "subject", "kind", "with", report.unit)
    for result in report.conflicts:
        for conflict in result.conflicts:
            score = f"{conflict.score.value:.3f}"
            conflicts.add_row(str(result.sample.path), result.sample.subject, conflict.kind, conflict.subject, score)
    doubtful = TerminalTable("doubtful portrait", "subject", "status", "why")
    for result in report.doubtful:
        for reason in scoping.reasons(result.doubts, language):
            doubtful.add_row(str(result.sample.path), result.sample.subject, result.status, reason)
    show(rejected)
    show(conflicts)
    show(doubtful)


def reenrol(
    gallery: options.OutputGallery,
    recognizer: options.Recognizer = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Erase samples whose portrait is not kept, and go on without them.")
    ] = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Embed a gallery's portraits again with another recognizer, all in one step.

    Where portraits are not kept, the command names their subjects and changes nothing; with --leave-out it goes
    on without them.

    Example:

      mien reenrol staff.gallery --recognizer arcface-r50
    """
    with progress_bar() as on_progress:
        done = galleries.reenrol(
            gallery,
            options.recognizer(recognizer),
            options=options.engine_options(engine, precision),
            leave_out=leave_out,
            on_progress=on_progress,
        )
    if json:
        about = {"templates": done.templates, "model": done.identity.model, "contract": done.identity.contract}
        emit({**about, "erased": dict(done.erased)})
    else:
        out.print(f"{gallery}: {done.templates} templates embedded again with {done.identity.model}")
        for name, count in done.erased.items():
            out.print(f"{name}: {plural(count, 'sample')} erased, since no portrait was kept")
    return OK
