"""What is written of found faces: every face cut out, the best view of each followed face, and covered copies."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.face_outputs import AddFrame, BestViews, CoveredFaces, FaceCrops
from mien.detect.redaction import cut, redact
from mien.detect.stream import TrackedFrame
from mien.errors import OutputError
from mien.image import read_image
from mien.output_names import INDEX, OutputGuard, OutputName
from mien.types import Box, Face, Image
from mien.video import Frame, Video

DOOR, CLIP = OutputName("door.png", "door"), OutputName("clip.avi", "clip")
NOWHERE = np.zeros((5, 2), np.float32)


def face(x: float, side: float, score: float = 0.9) -> Face:
    return Face(Box(x, 40, x + side, 40 + side), score, NOWHERE)


def noise(seed: int = 0) -> Image:
    """Grey grains of 8 pixels, which a JPEG keeps."""
    grains = np.random.default_rng(seed).integers(0, 256, (20, 30, 1)).astype(np.uint8)
    return np.ascontiguousarray(grains.repeat(8, axis=0).repeat(8, axis=1).repeat(3, axis=2))


def seen(number: int, image: Image, faces: Sequence[Face], numbers: Sequence[int]) -> TrackedFrame:
    return TrackedFrame(Frame(number, number / 10, image), tuple(faces), tuple(numbers))


def test_every_face_of_an_image_is_a_file_and_one_outside_is_none(tmp_path: Path) -> None:
    image, faces = noise(), (face(20, 60), face(500, 30), face(150, 40))
    FaceCrops(tmp_path).write_image(DOOR, image, faces)
    assert sorted(path.name for path in tmp_path.glob("*")) == [INDEX, "door-01.jpg", "door-03.jpg"]
    for number in (1, 3):
        written, expected = read_image(tmp_path / f"door-0{number}.jpg"), cut(image, faces[number - 1].box)
        assert written.shape == expected.shape and np.abs(written.astype(int) - expected).mean() < 8


def test_a_covered_copy_is_the_redacted_image(tmp_path: Path) -> None:
    image = noise()
    CoveredFaces(tmp_path).write_image(DOOR, image, (face(20, 60),))
    written = read_image(tmp_path / "door.jpg")
    assert np.abs(written.astype(int) - redact(image, (face(20, 60),))).mean() < 8


def test_the_best_view_of_a_followed_face_is_large_and_sure() -> None:
    views, images = BestViews(), [noise(seed) for seed in range(4)]
    views.add(seen(0, images[0], [face(20, 40, 0.9), face(150, 30)], [7, 8]))
    views.add(seen(1, images[1], [face(20, 50, 0.8)], [7]))
    views.add(seen(2, images[2], [face(20, 60, 0.3)], [7]))
    views.add(seen(3, images[3], [face(500, 90, 1.0)], [8]))
    best = dict(views.crops())
    assert set(best) == {7, 8}
    assert np.array_equal(best[7], cut(images[1], face(20, 50).box)), "0.9 x 40 < 0.8 x 50 > 0.3 x 60"
    assert np.array_equal(best[8], cut(images[0], face(150, 30).box)), "a view outside of the frame shows nothing"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (240, 160))
    for number in range(4):
        writer.write(np.full((160, 240, 3), 60 * number, np.uint8))
    writer.release()
    return path


def write(opened: AbstractContextManager[AddFrame], video: Video, stop: int = 99) -> None:
    with opened as add:
        for frame in video:
            if frame.number == stop:
                raise KeyboardInterrupt
            add(seen(frame.number, frame.image, [face(20 + 40 * frame.number, 40)], [1 + frame.number // 2]))


def test_of_a_video_that_is_interrupted_the_faces_so_far_are_written(clip: Path, tmp_path: Path) -> None:
    for name, stop, expected in (("whole", 99, [1, 2]), ("part", 2, [1])):
        video, crops = Video(str(clip)), FaceCrops(tmp_path / name)
        if stop == 99:
            write(crops.video(CLIP, video), video)
        else:
            with pytest.raises(KeyboardInterrupt):
                write(crops.video(CLIP, video), video, stop)
        assert sorted(path.name for path in (tmp_path / name).glob("c*")) == [f"clip-000{n}.jpg" for n in expected]


def test_a_covered_video_has_all_frames_or_is_absent(clip: Path, tmp_path: Path) -> None:
    video = Video(str(clip))
    write(CoveredFaces(tmp_path / "out").video(CLIP, video), video)
    frames = list(Video(str(tmp_path / "out" / "clip.mp4")))
    assert len(frames) == 4 and [round(float(frame.image.mean()) / 60) for frame in frames] == [0, 1, 2, 3]
    video = Video(str(clip))
    with pytest.raises(KeyboardInterrupt):
        write(CoveredFaces(tmp_path / "half").video(CLIP, video), video, 2)
    assert not list((tmp_path / "half").glob("*"))


def test_crops_and_copies_are_refused_where_they_would_replace_what_is_not_miens(tmp_path: Path) -> None:
    for name in ("door-01.jpg", "door.jpg", "clip.mp4"):
        (tmp_path / name).write_text("own")
    for output in (FaceCrops(tmp_path), CoveredFaces(tmp_path)):
        with pytest.raises(OutputError, match=r"door.*was not made by mien"):
            output.check([DOOR])
        output.check([OutputName("window.png", "window")])
    with pytest.raises(OutputError, match=r"clip\.mp4"):
        CoveredFaces(tmp_path).check([], [CLIP])
    FaceCrops(tmp_path, OutputGuard(overwrite=True)).check([DOOR])


def test_crops_are_closed_to_other_accounts(tmp_path: Path) -> None:
    FaceCrops(tmp_path / "crops").write_image(DOOR, noise(), (face(20, 60),))
    assert (tmp_path / "crops" / "door-01.jpg").stat().st_mode & 0o777 == 0o600
