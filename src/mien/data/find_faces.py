"""Finds the faces of images, videos and cameras, and writes what is wanted of them. The work of `mien detect`.

Recognizes nobody. Draws nothing; an output may (see mien.data.face_outputs).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mien.data.detections import FORMATS, DetectedImage
from mien.data.face_outputs import FaceOutput
from mien.detect.detector import Detector
from mien.detect.stream import TrackedFrame, watch
from mien.detect.tracking import Tracker
from mien.errors import ImageError, ManifestError
from mien.faults import WRITING, describe
from mien.models.engines import usable_cores
from mien.output_names import OutputGuard, OutputName, output_names
from mien.pipeline import Analysis, Pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.video import Video, end_of_live

STAGE = "detecting"
PATIENCE = 1.0
"""Seconds for which a lost face keeps its number."""
PATIENT_FRAMES = 3
"""Frames for which it does at least, in videos of a few frames per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFaces:
    """What was found.

    Attributes:
        images: how many were analysed.
        frames: how many frames of videos were analysed.
        followed: how many faces were followed in videos.
        heights: of all boxes, in pixels.
        failed: a sentence for each image and video that could not be read, or not to its end, or not be written.
        notes: a sentence for each video whose copy lacks the sound.
    """

    images: int = 0
    frames: int = 0
    followed: int = 0
    heights: tuple[float, ...] = ()
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: "FoundFaces") -> "FoundFaces":
        """Both together."""
        return FoundFaces(
            images=self.images + other.images,
            frames=self.frames + other.frames,
            followed=self.followed + other.followed,
            heights=self.heights + other.heights,
            failed=self.failed + other.failed,
            notes=self.notes + other.notes,
        )


def find_faces(
    paths: Sequence[Path],
    pipeline: Pipeline,
    *,
    outputs: Sequence[FaceOutput] = (),
    table: Path | None = None,
    form: str = "csv",
    names: Sequence[OutputName] = (),
    guard: OutputGuard | None = None,
    on_image: Callable[[Analysis], None] = lambda analysis: None,
    on_progress: OnProgress = no_progress,
) -> FoundFaces:
    """Find the faces of image files.

    Args:
        paths: image files.
        pipeline: opened with the detector; no recognizer is needed.
        outputs: what is written of every image that can be read.
        table: a file, or a folder for some formats, for all faces; None writes none.
        form: the format of the table; see FORMATS.
        names: what to call the outputs of each image; by default, after the folders in which they differ.
        guard: what the table must not replace; by default, the images and what mien did not make.
        on_image: called with every image, as soon as its faces are known.
        on_progress: called after every image.

    Raises:
        ManifestError: an unknown format.
        OutputError: an output would replace a file that is read, or that mien did not make.

    Example:
        >>> pipeline = mien.open_pipeline(recognizer=None)
        >>> found = mien.find_faces([Path("collins.jpg"), Path("door.jpg")], pipeline, table=Path("faces.csv"))
        >>> found.images, len(found.heights)
        (2, 2)
    """
    if form not in FORMATS:
        raise ManifestError(f"faces are written as {', '.join(FORMATS)}, not {form}")
    names, guard = names or output_names(paths), guard or OutputGuard(paths)
    for output in outputs:
        output.check(names)
    if table is not None:
        guard.check(FORMATS[form].places(table, names))
    detected, heights, failed = list[DetectedImage](), list[float](), list[str]()
    analyses = report_progress(pipeline.analyse(paths), STAGE, len(paths), on_progress)
    for analysis, name in zip(analyses, names, strict=True):
        on_image(analysis)
        heights += [face.box.height for face in analysis.faces]
        if analysis.error is not None:
            failed.append(analysis.error)
            continue
        if table is not None:
            detected.append(DetectedImage(name, analysis.width, analysis.height, analysis.faces))
        failed += _written(outputs, name, analysis)
    if table is not None:
        FORMATS[form].write(table, detected, guard)
    return FoundFaces(images=len(paths), heights=tuple(heights), failed=tuple(failed))


def find_faces_in_video(
    name: str,
    detector: Detector,
    *,
    outputs: Sequence[FaceOutput] = (),
    output_name: OutputName | None = None,
    on_frame: Callable[[TrackedFrame], None] = lambda frame: None,
    on_progress: OnProgress = no_progress,
) -> FoundFaces:
    """Find and follow the faces of a video or a camera; a camera ends when it is interrupted (Ctrl-C).

    Args:
        name: a file, or camera:N.
        detector: finds the faces of each frame.
        outputs: what is written of the video.
        output_name: what to call it; by default, as the video is called.
        on_frame: called with every frame, as soon as its faces are numbered.
        on_progress: called after every frame.

    Returns:
        What was found; for a video that cannot be opened, or an output that cannot be written whole, why.

    Raises:
        OutputError: an output would replace a file that is read, or that mien did not make.

    Example:
        >>> from mien.detect.families import open_detector
        >>> found = mien.find_faces_in_video("door.avi", open_detector("mtcnn"))
        >>> found.frames, found.followed
        (10, 1)
    """
    try:
        video = Video(name)
    except ImageError as reason:
        return FoundFaces(failed=(str(reason),))
    called = output_name or output_names([name])[0]
    for output in outputs:
        output.check([], [called])
    tracker = Tracker(max(PATIENCE, PATIENT_FRAMES / video.rate if video.rate else 0.0))
    heights, notes, failed = list[list[float]](), list[str](), list[str]()
    try:
        with ExitStack() as written:
            adders = [written.enter_context(output.video(called, video, notes.append)) for output in outputs]
            frames = watch(detector, video, tracker, usable_cores())
            with end_of_live(name):
                for seen in report_progress(frames, STAGE, video.frames or None, on_progress):
                    heights.append([face.box.height for face in seen.faces])
                    on_frame(seen)
                    for add in adders:
                        add(seen)
    except Exception as reason:  # noqa: BLE001 - whatever one video does harms no other input
        failed.append(describe(reason, name))
    if video.fault and video.fault not in failed:
        failed.append(video.fault)
    return FoundFaces(
        frames=len(heights),
        followed=tracker.count,
        heights=tuple(height for each in heights for height in each),
        failed=tuple(failed),
        notes=tuple(dict.fromkeys(notes)),
    )


def _written(outputs: Sequence[FaceOutput], name: OutputName, analysis: Analysis) -> list[str]:
    """Write what is wanted of an image; a sentence for each output that could not be written."""
    failed = []
    try:
        image = analysis.item.image() if outputs else None
    except Exception as reason:  # noqa: BLE001 - the file may be gone, or be another, since its faces were found
        return [describe(reason, name.source)]
    for output in outputs:
        assert image is not None
        try:
            output.write_image(name, image, analysis.faces)
        except Exception as reason:
            if isinstance(reason, OSError) and reason.errno in WRITING:
                raise  # a full or read-only disk stays so for all that follow
            failed.append(describe(reason, name.source))
    return failed
