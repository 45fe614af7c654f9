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
from mien.models.engines import usable_cores
from mien.pipeline import Analysis, Pipeline
from mien.progress import OnProgress, no_progress, report_progress
from mien.save_image import file_names
from mien.video import Video

STAGE = "detecting"
PATIENCE = 30
"""Frames for which a lost face keeps its number where the video's rate is not known; otherwise one second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFaces:
    """What was found.

    Attributes:
        images: how many were analysed.
        frames: how many frames of videos were analysed.
        followed: how many faces were followed in videos.
        heights: of all boxes, in pixels.
        failed: a sentence for each image and video that could not be read, or not to its end.
    """

    images: int = 0
    frames: int = 0
    followed: int = 0
    heights: tuple[float, ...] = ()
    failed: tuple[str, ...] = ()

    def __add__(self, other: "FoundFaces") -> "FoundFaces":
        """Both together."""
        return FoundFaces(
            images=self.images + other.images,
            frames=self.frames + other.frames,
            followed=self.followed + other.followed,
            heights=self.heights + other.heights,
            failed=self.failed + other.failed,
        )


def find_faces(
    paths: Sequence[Path],
    pipeline: Pipeline,
    *,
    outputs: Sequence[FaceOutput] = (),
    table: Path | None = None,
    form: str = "csv",
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
        on_image: called with every image, as soon as its faces are known.
        on_progress: called after every image.

    Raises:
        ManifestError: an unknown format.

    Example:
        >>> pipeline = mien.open_pipeline(recognizer=None)
        >>> found = mien.find_faces([Path("collins.jpg"), Path("door.jpg")], pipeline, table=Path("faces.csv"))
        >>> found.images, len(found.heights)
        (2, 2)
    """
    if form not in FORMATS:
        raise ManifestError(f"faces are written as {', '.join(FORMATS)}, not {form}")
    detected, heights, failed = list[DetectedImage](), list[float](), list[str]()
    analyses = report_progress(pipeline.analyse(paths), STAGE, len(paths), on_progress)
    for analysis, name in zip(analyses, file_names(paths), strict=True):
        on_image(analysis)
        heights += [face.box.height for face in analysis.faces]
        if analysis.error is not None:
            failed.append(analysis.error)
            continue
        if table is not None:
            detected.append(DetectedImage(Path(analysis.name), analysis.width, analysis.height, analysis.faces))
        image = analysis.item.image() if outputs else None
        for output in outputs:
            assert image is not None
            output.write_image(name, image, analysis.faces)
    if table is not None:
        FORMATS[form](table, detected)
    return FoundFaces(images=len(paths), heights=tuple(heights), failed=tuple(failed))


def find_faces_in_video(
    name: str,
    detector: Detector,
    *,
    outputs: Sequence[FaceOutput] = (),
    on_frame: Callable[[TrackedFrame], None] = lambda frame: None,
    on_progress: OnProgress = no_progress,
) -> FoundFaces:
    """Find and follow the faces of a video or a camera.

    Args:
        name: a file, or camera:N.
        detector: finds the faces of each frame.
        outputs: what is written of the video.
        on_frame: called with every frame, as soon as its faces are numbered.
        on_progress: called after every frame.

    Returns:
        What was found; for a video that cannot be opened, why.

    Raises:
        ImageError: an output cannot be written.

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
    tracker = Tracker(patience=round(video.rate) or PATIENCE)
    stem, count, heights = Path(name.replace(":", "-")).stem, 0, list[float]()
    with ExitStack() as written:
        adders = [written.enter_context(output.video(stem, video)) for output in outputs]
        frames = watch(detector, video, tracker, usable_cores())
        for seen in report_progress(frames, STAGE, video.frames or None, on_progress):
            count += 1
            heights += [face.box.height for face in seen.faces]
            on_frame(seen)
            for add in adders:
                add(seen)
    failed = (video.fault,) if video.fault else ()
    return FoundFaces(frames=count, followed=tracker.count, heights=tuple(heights), failed=failed)
