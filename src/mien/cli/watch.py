"""mien watch: who is in this video or before this camera? One decision for each followed face."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import drawing, options
from mien.cli.guarding import guarded
from mien.cli.output_trial import output_file, output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import NO, OK, PARTLY, UNCERTAIN, WRONG, emit, err, fail, out, plural, show
from mien.errors import SettingsError
from mien.gallery.threshold_policies import ThresholdPolicy, parse_policy
from mien.messages import Message
from mien.output_names import OutputGuard, output_names
from mien.save_image import encode_to
from mien.types import Image
from mien.watch import WatchEvent, WatchReport, watch_source
from mien.watch.watcher import WatchedFrame

VERBS = {
    "appeared": "appeared",
    "identified": "identified",
    "changed": "changed",
    "left": "left",
    "camera-lost": "camera lost",
    "camera-back": "camera back",
}
"""What lines say of each kind of event."""


def watch(
    source: Annotated[
        str,
        typer.Argument(help="A video file, camera:0, or the address of an RTSP or MJPEG stream.", show_default=False),
    ],
    gallery: Annotated[
        str,
        typer.Option("--gallery", help="The gallery: a file, or an address with a scheme.", show_default=False),
    ],
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            metavar="POLICY",
            help="Error rate of a track: fmr:1e-4 per compared subject, or fpir:1e-2 of a stranger's whole track.",
            show_default="fmr: with setting identification_fmr",
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(
            "--every",
            min=1,
            help="Detect faces in every n-th frame, and follow them between (default: 5 times per second).",
            show_default=False,
        ),
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write an annotated copy of the video to this .mp4 file.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    crops: Annotated[
        Path | None,
        typer.Option(
            "--crops",
            help="Write the best view of each followed face to this folder when it has left.",
            show_default=False,
            callback=output_folder,
        ),
    ] = None,
    detector: options.Detector = None,
    recognizer: options.GalleryRecognizer = None,
    scope: options.Scope = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Watch a video or a camera: follow every face, and decide once for each who it is.

    A followed face is a track. Its best samples are compared with the gallery together, at 1, 3, 8 and 20 samples
    where a threshold is known that is strict enough for several looks, else once. The error rate is one of the whole
    track. Faces that are blurred, turned, masked or small are not compared: such a track stays unknown, with the
    reason. A face that turns away and is back within 5 seconds keeps its number.

    Cameras and streams are watched until they are interrupted (Ctrl-C), always at their newest frame; one that is
    lost is opened again. With --json, each event is one line as it happens: appeared, identified, changed, left,
    camera-lost, camera-back.

    Presentation attacks are not assessed: a photograph that is held before the camera may be named
    as the person whom it shows.

    Exits with 1 if nobody was recognized, and with 5 if nobody was recognized for certain.

    Examples:

      mien watch door.mp4 --gallery staff.gallery

      mien watch door.mp4 --gallery staff.gallery --json --threshold fpir:1e-2

      mien watch door.mp4 --gallery staff.gallery --out annotated.mp4

      mien watch camera:0 --gallery staff.gallery --crops faces/

      mien watch rtsp://user:password@10.0.0.7/door --gallery staff.gallery --json
    """
    if copy is not None and copy.suffix.lower() != ".mp4":
        fail(f"{copy}: an annotated copy is written as .mp4", WRONG)
    language, policy = options.language(None), _policy(threshold)

    def on_event(event: WatchEvent) -> None:
        crop = None if crops is None else _write_crop(guard, crops, event)
        if json:
            emit(event.as_json(language) | ({} if crop is None else {"thumbnail": str(crop)}))
        else:
            out.print(line_of(event, language))

    notes = iter([Message("watch.attacks")])

    def on_frame(watched: WatchedFrame) -> None:
        # With the first frame, since a source that cannot be opened is one sentence alone.
        for note in notes:
            err.print(f"mien: {note.text(language)}")

    with guarded([copy] if copy is not None else [], [gallery, source], overwrite=overwrite) as guard:

        def run(scratch: Path | None) -> WatchReport:
            with progress_bar() as on_progress:
                return watch_source(
                    gallery,
                    source,
                    policy=policy,
                    every=every,
                    detector=options.detector(detector),
                    recognizer=recognizer,
                    scope=options.scope(scope),
                    options=options.engine_options(engine, precision),
                    copy_to=scratch,
                    draw=draw,
                    on_event=on_event,
                    on_frame=on_frame,
                    on_progress=on_progress,
                )

        if copy is None:
            report = run(None)
        else:
            with guard.write(copy, source) as scratch:
                report = run(scratch)
    if not json:
        show_tracks(report, language)
    for sentence in (report.error, report.copy_note, *(note.text(language) for note in report.notes)):
        if sentence:
            err.print(f"mien: {sentence}")
    err.print(summary(report))
    named = [one for one in report.tracks if one.person is not None and one.person.subject is not None]
    uncertain = any(one.decision == "uncertain" for one in report.tracks)
    return PARTLY if report.error else OK if named else UNCERTAIN if uncertain else NO


def _write_crop(guard: OutputGuard, folder: Path, event: WatchEvent) -> Path | None:
    """Write the best view of a face that has left; gives the file, None where there is none."""
    if event.kind != "left" or event.thumbnail is None:
        return None
    (name,) = output_names([event.source])
    path = name.path(folder, f"-{event.track:04d}.jpg")
    with guard.write(path, private=True) as scratch:
        encode_to(scratch, event.thumbnail)
    return path


def _policy(text: str | None) -> ThresholdPolicy | None:
    """The policy that was asked for, checked."""
    try:
        return None if text is None else parse_policy(text)
    except SettingsError as reason:
        fail(f"--threshold: {reason}", WRONG)


def line_of(event: WatchEvent, language: str) -> str:
    """An event as a line of a terminal."""
    if event.track is None:
        reasons = "; ".join(one.text(language) for one in event.reasons)
        return f"{event.seconds:8.1f} s  {VERBS[event.kind]}{f': {reasons}' if reasons else ''}"
    text = f"{event.seconds:8.1f} s  track {event.track} {VERBS[event.kind]}"
    if event.kind == "appeared":
        return text
    best = event.person.candidates[0] if event.person is not None and event.person.candidates else None
    score = f" ({best.score.unit} {best.score.value:.3f}, {plural(event.samples, 'sample')})" if best else ""
    was = f" from {event.was}" if event.kind == "changed" else ""
    as_whom = {"identified": " as", "changed": " to", "left": ":"}[event.kind]
    return f"{text}{was}{as_whom} {event.decision}{score}"


def show_tracks(report: WatchReport, language: str) -> None:
    """A table with the last word on each track."""
    table = TerminalTable("track", "from", "to", "samples", "decision", "best", "why")
    for one in sorted(report.tracks, key=lambda event: event.track or 0):
        best = one.person.candidates[0] if one.person is not None and one.person.candidates else None
        closest = f"{best.subject} {best.score.value:.3f}" if best else ""
        why = "; ".join(reason.text(language) for reason in one.reasons)
        times = f"{one.start:.1f} s", f"{one.end:.1f} s"
        table.add_row(str(one.track), *times, str(one.samples), one.decision, closest, why)
    show(table)


def summary(report: WatchReport) -> str:
    """One line about everything that was watched, with the rate that holds for it."""
    named = sum(one.person is not None and one.person.subject is not None for one in report.tracks)
    looks = report.plan.counts
    at = f"compared at {', '.join(map(str, looks))} samples" if len(looks) > 1 else "compared once"
    threshold = report.plan.chosen.threshold
    return (
        f"{plural(report.frames, 'frame')}, {report.frames / max(1e-9, report.seconds):.1f} per second, faces sought "
        f"in {report.detections}; {named} of {plural(len(report.tracks), 'track')} named; {at}, threshold "
        f"{threshold.unit} {threshold.value:.3f}, {report.plan.policy}: false match rate {report.plan.fmr:g} per "
        "track and subject"
    )


def draw(watched: WatchedFrame) -> Image:
    """A frame with the number and the decision of each face."""
    labels, colours = [], []
    for number, decision in watched.people:
        labels.append("" if not number else f"{number} {decision}".strip())
        known = decision not in ("", "unknown", "uncertain")
        colours.append(drawing.KNOWN if known else drawing.NEUTRAL if not decision else drawing.UNKNOWN)
    return drawing.annotate(watched.seen.frame.image, watched.seen.faces, labels, colours)
