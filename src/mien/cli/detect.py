"""mien detect: faces of images, folders, videos and cameras; in the formats of the field, cut out, or covered."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from mien.cli import options, picture
from mien.cli.terminal import NO, PARTLY, WRONG, emit, err, fail, plural, show, track
from mien.data.detections import FORMATS, DetectedImage
from mien.detect.detector import Detector
from mien.detect.redaction import cut, redact
from mien.detect.stream import TrackedFrame, watch
from mien.detect.tracking import Tracker
from mien.errors import ImageError
from mien.models.engines import usable_cores
from mien.pipeline import Analysis, open_pipeline
from mien.types import Face, Image
from mien.video import Video, VideoWriter, is_video


def detect(
    paths: Annotated[
        list[Path], typer.Argument(help="Images, folders, videos; camera:0 is a camera.", show_default=False)
    ],
    detector: options.Detector = None,
    out_folder: options.Out = None,
    crops: Annotated[
        Path | None, typer.Option("--crops", help="Write each face with its surroundings here; of a video, the best.")
    ] = None,
    covered: Annotated[
        Path | None, typer.Option("--redact", help="Write pictures or videos with covered faces here.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write all faces to this file, or folder for yolo and wider.")
    ] = None,
    form: Annotated[str, typer.Option("--as", help="csv (a manifest), coco, yolo or wider.")] = "csv",
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
    wanted = Wanted(out_folder, crops, covered, json)
    if form not in FORMATS:
        fail(f"--as is {', '.join(FORMATS)}, not {form}", WRONG)
    if save is not None and form == "csv" and save.suffix.lower() not in (".csv", ".parquet"):
        fail(f"{save}: a manifest's name ends in .csv or .parquet; --as chooses another format", WRONG)
    videos = [str(path) for path in paths if is_video(str(path))]
    files = options.expand([path for path in paths if not is_video(str(path))])
    if videos and save is not None:
        fail("--save is for pictures; the faces of a video come with --json, a line for each frame", WRONG)
    chosen = options.engine_options(engine, precision)
    pipeline = open_pipeline(options.detector(detector), None, chosen, many=len(files) > 1 or bool(videos))
    count = Count()
    table = Table("file", "size", "face", "box", "score")
    found: list[DetectedImage] = []
    names = options.picture_names(files)
    for analysis, name in zip(track(pipeline.analyse(files), len(files), "detecting"), names, strict=True):
        count.add(analysis)
        if analysis.error is not None:
            err.print(f"mien: {analysis.error}")
        if json:
            emit(as_json(analysis))
        elif analysis.error is None:
            _add_rows(table, analysis)
        if analysis.error is None:
            if save is not None:
                found.append(DetectedImage(Path(analysis.name), analysis.width, analysis.height, analysis.faces))
            wanted.write(analysis, name)
    if not json:
        show(table)
    if save is not None:
        FORMATS[form](save, found)
    for name in videos:
        _watch(name, pipeline.detector, wanted, count)
    count.tell([folder for folder in (out_folder, crops, covered, save) if folder is not None])
    return PARTLY if count.failed else 0 if count.heights else NO


def as_json(analysis: Analysis) -> dict[str, object]:
    """One file's faces; a file that failed has an error and no faces."""
    value: dict[str, object] = {
        "path": analysis.name,
        "width": analysis.width,
        "height": analysis.height,
        "faces": [_face_json(face) for face in analysis.faces],
    }
    return value if analysis.error is None else {**value, "error": analysis.error}


def _face_json(face: Face) -> dict[str, object]:
    return {
        "box": [round(side, 2) for side in face.box.corners],
        "score": round(face.score, 4),
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
    }


def _add_rows(table: Table, analysis: Analysis) -> None:
    size = f"{analysis.width}x{analysis.height}"
    if not analysis.faces:
        table.add_row(analysis.name, size, "none", "", "")
    for number, face in enumerate(analysis.faces, start=1):
        box = ", ".join(f"{side:.0f}" for side in face.box.corners)
        table.add_row(analysis.name, size, str(number), box, f"{face.score:.3f}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where annotated pictures, cut-out faces and covered pictures go; None where they are not wanted."""

    annotated: Path | None
    crops: Path | None
    covered: Path | None
    json: bool

    def write(self, analysis: Analysis, name: str) -> None:
        """Write what is wanted of a file."""
        if self.annotated is None and self.crops is None and self.covered is None:
            return
        image = analysis.item.image()
        if self.annotated is not None:
            picture.save(
                draw(image, analysis.faces, [f"{face.score:.2f}" for face in analysis.faces]), self.annotated / name
            )
        if self.covered is not None:
            picture.save(redact(image, analysis.faces), self.covered / name)
        if self.crops is not None:
            for number, face in enumerate(analysis.faces, start=1):
                part = cut(image, face.box)
                if part.size:
                    picture.save(part, self.crops / f"{Path(name).stem}-{number:02d}.jpg")


def draw(image: Image, faces: tuple[Face, ...], labels: list[str]) -> Image:
    """The picture with its faces drawn in."""
    return picture.annotate(image, faces, labels, [picture.NEUTRAL] * len(faces))


@dataclass(slots=True)
class Count:
    """What was found so far, for the summary."""

    started: float = field(default_factory=time.monotonic)
    files: int = 0
    frames: int = 0
    failed: int = 0
    followed: int = 0
    heights: list[float] = field(default_factory=list)

    def add(self, analysis: Analysis) -> None:
        """Take in a picture."""
        self.files += 1
        self.failed += analysis.error is not None
        self.heights += [face.box.height for face in analysis.faces]

    def tell(self, places: list[Path]) -> None:
        """Print the summary."""
        seconds = max(1e-9, time.monotonic() - self.started)
        parts = []
        looked_at = ((self.files, "file"), (self.frames, "frame"))
        where = " and ".join(plural(number, what) for number, what in looked_at if number)
        parts.append(f"{plural(len(self.heights), 'face')} in {where or 'no file'}")
        if self.frames:
            parts.append(f"{plural(self.followed, 'face')} followed")
        if len(self.heights) > 1:
            low, middle, high = np.quantile(self.heights, [0, 0.5, 1])
            parts.append(f"heights {low:.0f} to {high:.0f} pixels, median {middle:.0f}")
        if self.files + self.frames > 20:
            parts.append(f"{(self.files + self.frames) / seconds:.1f} a second")
        if self.failed:
            parts.append(f"{self.failed} could not be read")
        if places:
            parts.append(f"written to {', '.join(str(place) for place in places)}")
        err.print("; ".join(parts))


def _watch(name: str, detector: Detector, wanted: Wanted, count: Count) -> None:
    """One video, frame by frame."""
    try:
        video = Video(name)
    except ImageError as reason:
        err.print(f"mien: {reason}")
        count.failed += 1
        return
    tracker, best = Tracker(patience=round(video.rate) or 30), dict[int, tuple[float, Image]]()
    stem = Path(name.replace(":", "-")).stem
    writers = {
        folder: VideoWriter(folder / f"{stem}.mp4", video) for folder in (wanted.annotated, wanted.covered) if folder
    }
    try:
        for seen in track(_frames(detector, video, tracker), video.frames or None, "detecting"):
            count.frames += 1
            count.heights += [face.box.height for face in seen.faces]
            if wanted.json:
                emit(_frame_json(name, seen))
            if wanted.annotated is not None:
                labels = [str(number) for number in seen.numbers]
                writers[wanted.annotated].write(picture.annotate_frame(seen.frame.image, seen.faces, labels))
            if wanted.covered is not None:
                writers[wanted.covered].write(redact(seen.frame.image, seen.faces))
            if wanted.crops is not None:
                _keep_best(best, seen)
    finally:
        for writer in writers.values():
            writer.close()
        if wanted.crops is not None:
            for number, (_, crop) in best.items():
                picture.save(crop, wanted.crops / f"{stem}-{number:04d}.jpg")
    count.followed += tracker.count
    if video.fault:
        err.print(f"mien: {video.fault}")
        count.failed += 1


def _frames(detector: Detector, video: Video, tracker: Tracker) -> Iterator[TrackedFrame]:
    return watch(detector, video, tracker, usable_cores())


def _frame_json(name: str, seen: TrackedFrame) -> dict[str, object]:
    frame = seen.frame
    faces = [{"track": number, **_face_json(face)} for number, face in zip(seen.numbers, seen.faces, strict=True)]
    return {"path": name, "frame": frame.number, "seconds": round(frame.seconds, 3), "faces": faces}


def _keep_best(best: dict[int, tuple[float, Image]], seen: TrackedFrame) -> None:
    """Of each followed face the view that is large and sure."""
    for number, face in zip(seen.numbers, seen.faces, strict=True):
        worth = face.score * face.box.area**0.5
        if number not in best or worth > best[number][0]:
            part = cut(seen.frame.image, face.box)
            if part.size:
                best[number] = worth, part
