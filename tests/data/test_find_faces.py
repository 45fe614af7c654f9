"""Finding faces of images and videos: callbacks, outputs, tables, and what could not be read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.face_outputs import AddFrame, CoveredFaces, OnNote
from mien.data.find_faces import FoundFaces, find_faces, find_faces_in_video
from mien.detect.stream import TrackedFrame
from mien.errors import ManifestError, OutputError
from mien.output_names import OutputName
from mien.pipeline import Analysis, Pipeline, open_pipeline
from mien.progress import Progress
from mien.save_image import encode_to
from mien.types import Faces, Image
from mien.video import Video


class Recording:
    """An output that a caller made: it remembers what it was given."""

    def __init__(self) -> None:
        self.folder = Path("nowhere")
        self.images: list[tuple[str, tuple[int, ...], int]] = []
        self.frames: list[int] = []

    def check(self, images: Sequence[OutputName], videos: Sequence[OutputName] = ()) -> None:
        self.planned = [name.stem for name in (*images, *videos)]

    def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
        self.images.append((name.stem, image.shape, len(faces)))

    @contextmanager
    def video(self, name: OutputName, video: Video, on_note: OnNote) -> Iterator[AddFrame]:
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
    assert [stem.rpartition("/")[2] for stem, _, _ in output.images] == ["grace_hopper", "grace_hopper-2"]
    assert [rest for _, *rest in output.images] == [[(600, 512, 3), 1]] * 2 and len(output.planned) == 3
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


class Camera:
    """A camera of OpenCV that shows a grey wall for ever."""

    def __init__(self, number: int) -> None:
        assert number == 0

    def isOpened(self) -> bool:  # noqa: N802 - the name of OpenCV
        return True

    def get(self, key: int) -> float:
        return 64.0

    def read(self) -> tuple[bool, Image]:
        return True, np.full((64, 64, 3), 90, np.uint8)

    def release(self) -> None:
        pass


def test_a_camera_ends_when_it_is_interrupted_and_its_copy_is_kept(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seen: TrackedFrame) -> None:
        if seen.frame.number == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    found = find_faces_in_video("camera:0", pipeline.detector, outputs=[CoveredFaces(tmp_path)], on_frame=interrupt)
    monkeypatch.undo()
    assert found.failed == () and sum(1 for _ in Video(str(tmp_path / "camera-0.mp4"))) == 3


def test_an_output_that_fails_is_a_sentence_and_harms_no_other_image(
    pipeline: Pipeline, hopper_path: Path, tmp_path: Path
) -> None:
    class Full(Recording):
        number = 36

        def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
            super().write_image(name, image, faces)
            if len(self.images) == 1:
                raise OSError(self.number, "Something is wrong", "a.jpg")

    output = Full()
    found = find_faces([hopper_path, hopper_path], pipeline, outputs=[output])
    assert len(output.images) == 2 and len(found.heights) == 2
    assert len(found.failed) == 1 and "a name that is too long" in found.failed[0]
    Full.number = 28
    with pytest.raises(OSError, match="wrong"):
        find_faces([hopper_path, hopper_path], pipeline, outputs=[Full()])


def test_an_original_that_would_be_replaced_is_refused_before_anything_is_read(
    pipeline: Pipeline, hopper: Image, tmp_path: Path
) -> None:
    encode_to(tmp_path / "hopper.jpg", hopper)
    with pytest.raises(OutputError, match=r"hopper\.jpg was not made by mien"):
        find_faces([tmp_path / "hopper.jpg"], pipeline, outputs=[CoveredFaces(tmp_path)])
