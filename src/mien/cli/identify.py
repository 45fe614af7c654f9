"""mien identify: who is in these images, videos and cameras?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from mien import gallery as galleries
from mien.cli import drawing, lettering, options, scoping
from mien.cli.detect import say_skipped
from mien.cli.guarding import guarded
from mien.cli.output_trial import output_file, output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, NO, OK, PARTLY, UNCERTAIN, WRONG, emit, err, fail, out, plural, show
from mien.data.face_outputs import FaceCrops
from mien.faults import WRITING, describe
from mien.gallery.decide import Identification
from mien.gallery.identification import IdentificationReport, IdentifiedImage
from mien.gallery.video_identification import IdentifiedTrack
from mien.media_files import MediaFiles, find_media
from mien.output_names import OutputGuard, OutputName, output_names
from mien.save_image import encode_to
from mien.scope import Scope
from mien.spreadsheets import write_csv
from mien.types import Face
from mien.whole_files import write_whole_text


def identify(
    gallery: options.Gallery,
    paths: Annotated[
        list[Path], typer.Argument(help="Images, folders, videos; camera:0 is a camera.", show_default=False)
    ],
    fmr: options.IdentificationFmr = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Maximum number of subjects to show per face.")] = 3,
    detector: options.Detector = None,
    recognizer: options.GalleryRecognizer = None,
    scope: options.Scope = None,
    out_folder: options.Out = None,
    crops: Annotated[
        Path | None,
        typer.Option(
            "--crops",
            help="Write each face with its surroundings here; of a video, the one that was decided on.",
            show_default=False,
            callback=output_folder,
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            help="Write all decisions to this file, .csv or .jsonl.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Identify every face: who it is, or that it is unknown; in videos, once for every followed face.

    Exits with 1 if nobody was recognized, and with 5 if nobody was recognized for certain, since a face is masked,
    small, blurred or turned, so that the false match rate does not hold for it (see --scope).

    Examples:

      mien identify staff.gallery door.jpg

      mien identify staff.gallery photos/ --json --top 1

      mien identify staff.gallery group.jpg --out annotated/

      mien identify staff.gallery door.mp4 --save visits.csv --crops faces/
    """
    if save is not None and save.suffix.lower() not in (".csv", ".jsonl"):
        fail(f"{save}: decisions are saved as .csv or .jsonl", WRONG)
    media = find_media(paths, [place for place in (out_folder, crops) if place is not None])
    outputs = _Outputs(media, out_folder, crops, OutputGuard([gallery, *media.sources], overwrite=overwrite))
    outputs.check()
    say_skipped(media)
    language = options.language(None)
    rows = list[Decided]()

    names: set[str] = set()

    def on_image(one: IdentifiedImage) -> None:
        if one.error is not None:
            err.print(f"mien: {one.error}")
        if json:
            emit(as_json(one, language))
        outputs.write_image(one)
        names.update(person.subject for person in one.people if person.subject is not None)
        rows.extend(decided_in(one))

    def on_track(track: IdentifiedTrack) -> None:
        if json:
            emit(track_as_json(track, language))
        outputs.write_track(track)
        rows.append(decided_on(track))

    with guarded([save] if save is not None else [], [gallery, *media.sources], overwrite=overwrite):
        try:
            with progress_bar() as on_progress:
                report = galleries.identify(
                    gallery,
                    media.images,
                    fmr=fmr,
                    count=top,
                    detector=options.detector(detector),
                    recognizer=recognizer,
                    scope=options.scope(scope),
                    options=options.engine_options(engine, precision),
                    videos=media.videos,
                    on_image=on_image,
                    on_track=on_track,
                    on_progress=on_progress,
                )
        finally:
            # Also what was decided before an interruption.
            if save is not None and rows:
                save_decisions(save, rows, language)
    for video in report.videos:
        if video.error is not None:
            err.print(f"mien: {video.error}")
    for sentence in outputs.failed:
        err.print(f"mien: {sentence}")
    if outputs.annotated is not None and (letters := lettering.lacking("".join(sorted(names)))):
        err.print(f"mien: no font here has the letters {letters} of names in the images: {lettering.REMEDY}")
    if not json:
        _show(report, language)
    for note in report.notes:
        err.print(f"mien: {note.text(language)}")
    threshold = report.threshold
    err.print(
        f"{report.known} of {plural(report.faces, 'face')} recognized; threshold {threshold.unit} "
        f"{threshold.value:.3f} at false match rate {threshold.fmr:g} per comparison",
    )
    if report.failed and not report.has_read:
        return FAILED
    failed = report.failed or media.faults or outputs.failed
    return PARTLY if failed else OK if report.known else UNCERTAIN if report.uncertain else NO


@dataclass(slots=True)
class _Outputs:
    """What is written next to the decisions; what cannot be written is a sentence, and harms nothing else."""

    media: MediaFiles
    annotated: Path | None
    crops: Path | None
    guard: OutputGuard
    failed: list[str] = field(default_factory=list)
    names: dict[str, list[OutputName]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in output_names(self.media.sources, self.media.roots):
            self.names.setdefault(name.source, []).append(name)

    def check(self) -> None:
        """Refuse folders in which something would be replaced that is not mien's."""
        names = [name for each in self.names.values() for name in each]
        if self.annotated is not None:
            images = {str(path) for path in self.media.images}
            copies = ((one.path(self.annotated, ".jpg"), one.source) for one in names if one.source in images)
            self.guard.check_outputs(copies)
        if self.crops is not None:
            FaceCrops(self.crops, self.guard).check(names)

    def write_image(self, one: IdentifiedImage) -> None:
        """Write the image with names on its faces, and the faces."""
        if one.error is not None:
            return
        # An image that is named twice is written twice, under the names that it has in turn.
        waiting = self.names[one.item.name]
        name = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        try:
            if self.annotated is not None:
                with self.guard.write(name.path(self.annotated, ".jpg"), name.source) as scratch:
                    draw(one, scratch)
            if self.crops is not None:
                FaceCrops(self.crops, self.guard).write_image(name, one.item.image(), one.faces)
        except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
            self._failed(reason, name)

    def _failed(self, reason: Exception, name: OutputName) -> None:
        if isinstance(reason, OSError) and reason.errno in WRITING:
            raise reason  # a full or read-only disk stays so for all that follow
        self.failed.append(describe(reason, name.source))

    def write_track(self, track: IdentifiedTrack) -> None:
        """Write the view of a followed face that was decided on."""
        if self.crops is None:
            return
        name = self.names[track.video][0]
        try:
            path = name.path(self.crops, f"-{track.number:04d}.jpg")
            with self.guard.write(path, private=True) as scratch:
                encode_to(scratch, track.image)
        except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
            self._failed(reason, name)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with where its face is.

    Attributes:
        source: the image or video.
        face: in pixels.
        person: the decision.
        track: the followed face of a video; None of an image.
    """

    source: str
    face: Face
    person: Identification
    track: IdentifiedTrack | None = None


def decided_in(one: IdentifiedImage) -> list[Decided]:
    """The decisions on the faces of an image."""
    return [Decided(one.item.name, *pair) for pair in zip(one.faces, one.people, strict=True)]


def decided_on(track: IdentifiedTrack) -> Decided:
    """The decision on a followed face."""
    return Decided(track.video, track.face, track.person, track)


COLUMNS = (
    *("path", "track", "start", "end", "x1", "y1", "x2", "y2", "decision", "subject", "candidate", "score", "unit"),
    *("threshold", "fmr", "reasons"),
)
"""Of the file of decisions."""


def save_decisions(path: Path, rows: Sequence[Decided], language: str) -> None:
    """Write decisions as CSV for a spreadsheet, or as one JSON value per line; the file is private."""
    values = [_cells(row, language) for row in rows]
    if path.suffix.lower() == ".csv":
        write_csv(path, COLUMNS, values, private=True)
        return
    lines = [dumps(dict(zip(COLUMNS, each, strict=True))) + "\n" for each in values]
    write_whole_text(path, "".join(lines), private=True)


def _cells(row: Decided, language: str) -> tuple[object, ...]:
    person, track = row.person, row.track
    best = person.candidates[0] if person.candidates else None
    return (
        row.source,
        None if track is None else track.number,
        None if track is None else round(track.start, 3),
        None if track is None else round(track.end, 3),
        *(round(edge, 1) for edge in row.face.box.corners),
        person.decision,
        person.subject,
        best.subject if best else None,
        round(best.score.value, 5) if best else None,
        person.threshold.unit,
        person.threshold.value,
        person.threshold.fmr,
        "; ".join(scoping.reasons_of(person, language)),
    )


def _show(report: IdentificationReport, language: str) -> None:
    table = TerminalTable("file", "face at", "decision", report.threshold.unit, "candidates")
    for one in report.images:
        if one.error is None:
            add_rows(table, one.item.name, one)
    tracks = [track for video in report.videos for track in video.tracks]
    for track in tracks:
        table.add_row(track.video, _when(track), *_decision_cells(track.person))
    for video in report.videos:
        if not video.tracks and video.error is None:
            table.add_row(video.name, "", "no face", "", "")
    show(table)
    for one in report.images:
        for face, person in zip(one.faces, one.people, strict=True):
            for reason in scoping.reasons_of(person, language):
                out.print(f"{one.item.name}, face at {_place(face)}: {reason}")
    for track in tracks:
        for reason in scoping.reasons_of(track.person, language):
            out.print(f"{track.video}, {_when(track)}: {reason}")


def _when(track: IdentifiedTrack) -> str:
    return f"track {track.number}, {track.start:.1f} to {track.end:.1f} s"


def _place(face: Face) -> str:
    return ", ".join(f"{edge:.0f}" for edge in face.box.corners)


def as_json(one: IdentifiedImage, language: str) -> dict[str, object]:
    """One image: for every face its box, the decision, the candidates and the scope."""
    scopes = one.scopes or (None,) * len(one.faces)
    value: dict[str, object] = {
        "path": one.item.name,
        "width": one.width,
        "height": one.height,
        "faces": [
            _decision_json(face, person, scope, language)
            for face, person, scope in zip(one.faces, one.people, scopes, strict=True)
        ],
    }
    return value if one.error is None else {**value, "error": one.error}


def track_as_json(track: IdentifiedTrack, language: str) -> dict[str, object]:
    """One followed face: when it was seen, the view that was decided on, and the decision."""
    return {
        "path": track.video,
        "track": track.number,
        "start": round(track.start, 3),
        "end": round(track.end, 3),
        "frames": track.frames,
        "at": round(track.at, 3),
        **_decision_json(track.face, track.person, track.scope, language),
    }


def _decision_json(face: Face, person: Identification, scope: Scope | None, language: str) -> dict[str, object]:
    threshold = person.threshold
    return {
        "box": [round(edge, 2) for edge in face.box.corners],
        "score": round(face.score, 4),
        "decision": person.decision,
        "candidates": [
            {"subject": c.subject, "score": round(c.score.value, 5), "unit": c.score.unit} for c in person.candidates
        ],
        "threshold": {"value": threshold.value, "unit": threshold.unit, "fmr": threshold.fmr},
        "scope": scoping.as_json(scope, person.doubts, language),
        "rests_on": scoping.sample_as_json(person, language),
    }


def add_rows(table: TerminalTable, name: str, one: IdentifiedImage) -> None:
    """One row per face."""
    if not one.people:
        table.add_row(name, "", "no face", "", "")
    for face, person in zip(one.faces, one.people, strict=True):
        table.add_row(name, _place(face), *_decision_cells(person))


def _decision_cells(person: Identification) -> tuple[str, str, str]:
    best = f"{person.candidates[0].score.value:.3f}" if person.candidates else ""
    candidates = ", ".join(f"{c.subject} {c.score.value:.3f}" for c in person.candidates)
    return person.decision, best, candidates


def draw(one: IdentifiedImage, path: Path) -> None:
    """Write the image with a name on every face into a file that nobody reads yet."""
    labels = [
        f"{person.decision} {person.candidates[0].score.value:.2f}" if person.candidates else person.decision
        for person in one.people
    ]
    colours = [drawing.KNOWN if person.subject is not None else drawing.UNKNOWN for person in one.people]
    encode_to(path, drawing.annotate(one.item.image(), one.faces, labels, colours))
