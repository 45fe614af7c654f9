"""Finding faces of images and videos: callbacks, outputs, tables, and what could not be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.face_outputs import AddFrame
from mien.data.find_faces import FoundFaces, find_faces, find_faces_in_video
from mien.detect.stream import TrackedFrame
from mien.errors import ManifestError
from mien.pipeline import Analysis, Pipeline, open_pipeline
from mien.progress import Progress
from mien.types import Faces, Image
from mien.video import Video


class Recording:
    """An output that a caller made: it remembers what it was given."""

    def __init__(self) -> None:
        self.folder = Path("nowhere")
        self.images: list[tuple[str, tuple[int, ...], int]] = []
        self.frames: list[int] = []

    def write_image(self, name: str, image: Image, faces: Faces) -> None:
        self.images.append((name, image.shape, len(faces)))

    @contextmanager
    def video(self, name: str, video: Video) -> Iterator[AddFrame]:
        yield lambda seen: self.frames.append(seen.frame.number)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return open_pipeline("mtcnn", None)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, hopper: Image) -> Path:
    """Five frames of a portrait."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 190))
    for _ in range(5):
        writer.write(cv2.resize(hopper, (160, 190))[..., ::-1])
    writer.release()
    return path


def test_images_reach_the_callback_the_outputs_and_the_table(
    pipeline: Pipeline, hopper_path: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"rubbish")
    output, seen, points = Recording(), list[Analysis](), list[Progress]()
    table = tmp_path / "faces.csv"
    found = find_faces(
        [hopper_path, broken, hopper_path],
        pipeline,
        outputs=[output],
        table=table,
        on_image=seen.append,
        on_progress=points.append,
    )
    assert (found.images, len(found.heights), len(found.failed)) == (3, 2, 1) and "broken.jpg" in found.failed[0]
    assert [one.error is None for one in seen] == [True, False, True]
    assert output.images == [("grace_hopper.jpg", (600, 512, 3), 1), ("grace_hopper-2.jpg", (600, 512, 3), 1)]
    assert [one.done for one in points] == [1, 2, 3] and points[-1].total == 3
    assert len(table.read_text().splitlines()) == 3
    with pytest.raises(ManifestError, match="faces are written as csv"):
        find_faces([hopper_path], pipeline, form="xml")


def test_a_video_reaches_the_callback_and_the_outputs(pipeline: Pipeline, clip: Path) -> None:
    output, seen = Recording(), list[TrackedFrame]()
    found = find_faces_in_video(str(clip), pipeline.detector, outputs=[output], on_frame=seen.append)
    assert (found.frames, found.followed, found.failed) == (5, 1, ()) and len(found.heights) == 5
    assert output.frames == [one.frame.number for one in seen] == [0, 1, 2, 3, 4]


def test_a_video_that_cannot_be_opened_is_a_sentence(pipeline: Pipeline, tmp_path: Path) -> None:
    (found,) = [find_faces_in_video(str(tmp_path / "none.mp4"), pipeline.detector)]
    assert found.frames == 0 and "none.mp4 does not exist" in found.failed[0]


def test_what_was_found_adds_up() -> None:
    one = FoundFaces(images=1, heights=(3.0,), failed=("a",))
    both = one + FoundFaces(frames=2, followed=1, heights=(4.0,))
    assert both == FoundFaces(images=1, frames=2, followed=1, heights=(3.0, 4.0), failed=("a",))
    assert np.mean(both.heights) == 3.5
