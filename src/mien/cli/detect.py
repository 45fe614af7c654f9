"""mien detect: faces of images, folders, videos and cameras; in the formats of the field, cut out, or covered."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mien.cli import drawing, options
from mien.cli.output_trial import output_folder, output_place
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, NO, PARTLY, WRONG, emit, err, fail, plural, show
from mien.data.detections import FORMATS
from mien.data.face_outputs import AddFrame, CoveredFaces, FaceCrops, FaceOutput, OnNote, check_copies, copy_of_video
from mien.data.find_faces import FoundFaces, find_faces, find_faces_in_video
from mien.detect.stream import TrackedFrame
from mien.media_files import MediaFiles, find_media, skipped_sentence
from mien.output_names import OutputGuard, OutputName, output_names
from mien.pipeline import Analysis, open_pipeline
from mien.save_image import encode_to
from mien.types import Face, Faces, Image
from mien.video import Video

MANY = 20
"""Images and frames from which on the summary has a rate."""

ON_ITS_SIDE = {
    90: "is on its side: turn it clockwise by 90 degrees",
    180: "is upside down: turn it by 180 degrees",
    270: "is on its side: turn it counterclockwise by 90 degrees",
}
"""What is said of an image whose faces are not upright, by its turn."""

Paths = Annotated[
    list[Path], typer.Argument(help="Images, folders, videos; camera:0 is a camera.", show_default=False)
]
Crops = Annotated[
    Path | None,
    typer.Option(
        "--crops",
        help="Write each face with its surroundings here; of a video, the best.",
        show_default=False,
        callback=output_folder,
    ),
]
Redact = Annotated[
    Path | None,
    typer.Option(
        "--redact", help="Write images or videos with covered faces here.", show_default=False, callback=output_folder
    ),
]
Save = Annotated[
    Path | None,
    typer.Option(
        "--save",
        help="Write all faces to this file, or folder for yolo and wider.",
        show_default=False,
        callback=output_place,
    ),
]
Format = Annotated[str, typer.Option("--as", help=f"Format of --save: {', '.join(FORMATS)}; csv is a manifest.")]


def detect(
    paths: Paths,
    detector: options.Detector = None,
    out_folder: options.Out = None,
    crops: Crops = None,
    covered: Redact = None,
    save: Save = None,
    form: Format = "csv",
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Find faces: boxes, scores and five landmarks; in a video, each face with a number as long as it is seen.

    Examples:

      mien detect photo.jpg

      mien detect portraits/ --save faces.csv --crops faces/

      mien detect clip.mp4 --redact covered/ --json > faces.jsonl

      mien detect group.jpg --detector scrfd-10g --out annotated/
    """
    media = find_media(paths, [place for place in (out_folder, crops, covered) if place is not None])
    _check_save(save, form, media.videos)
    names = output_names(media.sources, media.roots)
    image_names, video_names = names[: len(media.images)], names[len(media.images) :]
    guard = OutputGuard(media.sources, overwrite=overwrite)
    places = ((AnnotatedFaces, out_folder), (FaceCrops, crops), (CoveredFaces, covered))
    outputs: list[FaceOutput] = [kind(folder, guard) for kind, folder in places if folder is not None]
    _check_places(outputs, save, form, image_names, video_names, guard)
    say_skipped(media)
    pipeline = open_pipeline(
        options.detector(detector),
        None,
        options.engine_options(engine, precision),
        many=len(media.images) > 1 or bool(media.videos),
    )
    started, shown = time.monotonic(), _Shown(json)
    with progress_bar() as on_progress:
        found = find_faces(
            media.images,
            pipeline,
            outputs=outputs,
            table=save,
            form=form,
            names=image_names,
            guard=guard,
            on_image=shown.image,
            on_progress=on_progress,
        )
    shown.finish(found)
    read = found.images - len(found.failed)
    found += FoundFaces(failed=media.faults)
    for name in video_names:
        with progress_bar() as on_progress:
            one = find_faces_in_video(
                name.source,
                pipeline.detector,
                outputs=outputs,
                output_name=name,
                on_frame=shown.frames_of(name.source),
                on_progress=on_progress,
            )
        for sentence in (*one.failed, *one.notes):
            err.print(f"mien: {sentence}")
        found += one
    written = [output.folder for output in outputs] + ([save] if save is not None else [])
    err.print(_summary(found, max(1e-9, time.monotonic() - started), written))
    if found.failed:
        return PARTLY if read > 0 or found.frames else FAILED
    return 0 if found.heights else NO


def _check_save(save: Path | None, form: str, videos: Sequence[str]) -> None:
    """End where faces cannot be saved as asked for, before anything is done."""
    if form not in FORMATS:
        fail(f"--as is {', '.join(FORMATS)}, not {form}", WRONG)
    if save is not None and form == "csv" and save.suffix.lower() not in (".csv", ".parquet"):
        fail(f"{save}: a manifest's name ends in .csv or .parquet; --as chooses another format", WRONG)
    if videos and save is not None:
        fail("--save is for images; the faces of a video come with --json, one line per frame", WRONG)


def _check_places(
    outputs: Sequence[FaceOutput],
    save: Path | None,
    form: str,
    images: Sequence[OutputName],
    videos: Sequence[OutputName],
    guard: OutputGuard,
) -> None:
    """Refuse places where outputs would do harm, before a model is opened."""
    for output in outputs:
        output.check(images, videos)
    if save is not None:
        guard.check(FORMATS[form].places(save, images))


def say_skipped(media: MediaFiles) -> None:
    """Say on standard error what of the folders is not read; end where nothing is."""
    for sentence in media.faults:
        err.print(f"mien: {sentence}")
    if media.outputs:
        err.print(f"mien: {plural(len(media.outputs), 'output')} of an earlier run not read again")
    if media.skipped:
        err.print(f"mien: {skipped_sentence(media.skipped)}")
    for folder in media.empty:
        if not media.sources:
            fail(f"{folder} holds no images and no videos")
        err.print(f"mien: {folder} holds no images and no videos")


@dataclass(frozen=True, slots=True)
class AnnotatedFaces:
    """Copies of images and videos with boxes, landmarks and scores, or the numbers of followed faces.

    Attributes:
        folder: where.
        guard: knows what must not be replaced.
    """

    folder: Path
    guard: OutputGuard

    def check(self, images: Sequence[OutputName], videos: Sequence[OutputName] = ()) -> None:
        """Refuse what is there already and must not be replaced."""
        check_copies(self.folder, self.guard, images, videos)

    def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
        """Write an annotated copy of an image as NAME.jpg."""
        labels = [f"{face.score:.2f}" for face in faces]
        drawn = drawing.annotate(image, faces, labels, [drawing.NEUTRAL] * len(faces))
        with self.guard.write(name.path(self.folder, ".jpg"), name.source) as scratch:
            encode_to(scratch, drawn)

    def video(self, name: OutputName, video: Video, on_note: OnNote) -> AbstractContextManager[AddFrame]:
        """Write an annotated copy of a video as NAME.mp4."""
        return copy_of_video(self.folder, self.guard, name, video, _annotated_frame, on_note)


def _annotated_frame(seen: TrackedFrame) -> Image:
    return drawing.annotate_frame(seen.frame.image, seen.faces, [str(number) for number in seen.numbers])


class _Shown:
    """Prints what is found: JSON lines at once, or a table of the images at the end."""

    def __init__(self, json: bool) -> None:
        self._json, self._said = json, set[str]()
        self._table = TerminalTable("file", "size", "face", "box", "score")

    def image(self, analysis: Analysis) -> None:
        """Show one image."""
        if analysis.error is not None:
            self._said.add(analysis.error)
            err.print(f"mien: {analysis.error}")
        if analysis.turn:
            err.print(f"mien: {analysis.name} {ON_ITS_SIDE[analysis.turn]}")
        if self._json:
            emit(as_json(analysis))
        elif analysis.error is None:
            _add_rows(self._table, analysis)

    def frames_of(self, name: str) -> Callable[[TrackedFrame], None]:
        """A function that shows the frames of one video; only JSON has them."""
        return lambda seen: emit(_frame_json(name, seen)) if self._json else None

    def finish(self, found: FoundFaces) -> None:
        """Show the table, and what could not be written of images that could be read."""
        if not self._json:
            show(self._table)
        for sentence in found.failed:
            if sentence not in self._said:
                err.print(f"mien: {sentence}")


def as_json(analysis: Analysis) -> dict[str, object]:
    """One file's faces; a file that failed has an error and no faces."""
    value: dict[str, object] = {
        "path": analysis.name,
        "width": analysis.width,
        "height": analysis.height,
        "turn": analysis.turn,
        "faces": [_face_json(face) for face in analysis.faces],
    }
    return value if analysis.error is None else {**value, "error": analysis.error}


def _frame_json(name: str, seen: TrackedFrame) -> dict[str, object]:
    frame = seen.frame
    faces = [{"track": number, **_face_json(face)} for number, face in zip(seen.numbers, seen.faces, strict=True)]
    return {"path": name, "frame": frame.number, "seconds": round(frame.seconds, 3), "faces": faces}


def _face_json(face: Face) -> dict[str, object]:
    return {
        "box": [round(side, 2) for side in face.box.corners],
        "score": round(face.score, 4),
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
    }


def _add_rows(table: TerminalTable, analysis: Analysis) -> None:
    size = f"{analysis.width}x{analysis.height}"
    if not analysis.faces:
        table.add_row(analysis.name, size, "none", "", "")
    for number, face in enumerate(analysis.faces, start=1):
        box = ", ".join(f"{side:.0f}" for side in face.box.corners)
        table.add_row(analysis.name, size, str(number), box, f"{face.score:.3f}")


def _summary(found: FoundFaces, seconds: float, places: Sequence[Path]) -> str:
    """One line about everything that was found."""
    analysed = ((found.images, "file"), (found.frames, "frame"))
    where = " and ".join(plural(number, what) for number, what in analysed if number)
    parts = [f"{plural(len(found.heights), 'face')} in {where or 'no file'}"]
    if found.frames:
        parts.append(f"{plural(found.followed, 'face')} followed")
    if len(found.heights) > 1:
        low, middle, high = np.quantile(found.heights, [0, 0.5, 1])
        parts.append(f"heights {low:.0f} to {high:.0f} pixels, median {middle:.0f}")
    if found.images + found.frames > MANY:
        parts.append(f"{(found.images + found.frames) / seconds:.1f} per second")
    if found.failed:
        parts.append(f"{len(found.failed)} could not be read or written")
    if places:
        parts.append(f"written to {', '.join(str(place) for place in places)}")
    return "; ".join(parts)
