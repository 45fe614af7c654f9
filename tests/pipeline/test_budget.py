"""The memory of decoded images is limited in bytes, whatever the number of files and workers."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.pipeline import Budget, ImageFaces, Pipeline, ReadOptions, Wanted, file_item, find_faces
from mien.types import Faces, Image


def test_what_does_not_fit_waits_and_what_never_fits_goes_alone() -> None:
    budget, order = Budget(100), []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with budget.hold(60):
            inside.set()
            leave.wait(10)
            order.append("first")

    def second(size: int) -> None:
        with budget.hold(size):
            order.append(size)

    holder = threading.Thread(target=first)
    holder.start()
    assert inside.wait(10)
    with budget.hold(40):
        pass
    waiting = threading.Thread(target=second, args=(41,))
    waiting.start()
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        assert order == []
    leave.set()
    holder.join(10)
    waiting.join(10)
    assert order == ["first", 41]
    with budget.hold(1000):
        order.append("huge")
    assert order[-1] == "huge"


def test_the_budget_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Budget().size == 512 * 2**20
    monkeypatch.setenv("MIEN_DECODE_MEMORY_MB", "7")
    assert Budget().size == ReadOptions().budget.size == 7 * 2**20


class _Counting:
    """Records how many images of which size it is given together."""

    name, longest, min_score = "counting", 640, 0.5

    def __init__(self) -> None:
        self.groups: list[list[tuple[int, ...]]] = []

    def detect(self, images: list[Image]) -> list[Faces]:
        self.groups.append([image.shape for image in images])
        return [() for _ in images]


def test_groups_are_limited_by_their_pixels(tmp_path: Path) -> None:
    """Large images are detected in smaller groups; small ones in groups of 32; each comes once and in order."""
    Pillow.new("RGB", (2500, 2500)).save(tmp_path / "large.png", compress_level=1)
    Pillow.new("RGB", (64, 48)).save(tmp_path / "small.png")
    for name, count, together in (("large.png", 16, 7), ("small.png", 70, 32)):
        detector = _Counting()
        wanted = [Wanted(file_item(tmp_path / name)) for _ in range(count)]
        groups = find_faces(wanted, detector, ReadOptions(longest=2500))
        items = [one.loaded.item for group in groups for one in group if isinstance(one, ImageFaces)]
        assert items == [one.item for one in wanted]
        assert max(len(group) for group in detector.groups) == together


def test_an_image_is_decoded_as_small_as_serves(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.webp"):
        Pillow.new("RGB", (6000, 4000)).save(tmp_path / name)
        detector = _Counting()
        next(iter(find_faces([Wanted(file_item(tmp_path / name))], detector, ReadOptions(longest=1280))))
        height, width, _ = detector.groups[0][0]
        assert 1280 <= width <= 1600 and height == pytest.approx(width * 2 / 3, abs=1)


def test_the_pipeline_decodes_to_1280_pixels_where_the_detector_needs_fewer(tmp_path: Path) -> None:
    Pillow.new("RGB", (6000, 4000)).save(tmp_path / "a.jpg")
    detector = _Counting()
    assert [one.width for one in Pipeline(detector, None).analyse([tmp_path / "a.jpg"])] == [6000]
    assert 1280 <= detector.groups[0][0][1] <= 1500


@pytest.mark.slow
def test_64_large_images_are_decoded_within_the_default_budget(tmp_path: Path) -> None:
    """12-megapixel PNGs on two workers; the 32 files that they carry would take 1.2 GB at full size."""
    image = np.tile(np.arange(250, dtype=np.uint8)[:, None], (12, 4000, 3)).reshape(3000, 4000, 3)
    Pillow.fromarray(image).save(tmp_path / "large.png", compress_level=1)
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from mien.pipeline import Pipeline\n"
        "class Blind:\n"
        "    name, longest, min_score = 'blind', 640, 0.5\n"
        "    def detect(self, images): return [() for _ in images]\n"
        "status = lambda: Path('/proc/self/status').read_text()\n"
        "peak = lambda: int(status().split('VmHWM:')[1].split()[0]) / 1024\n"
        "before = peak()\n"
        "found = list(Pipeline(Blind(), None, workers=2).analyse([Path(sys.argv[1])] * 64))\n"
        "assert len(found) == 64 and all(one.width == 4000 and one.error is None for one in found)\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "large.png")], capture_output=True, text=True, check=True
    )
    assert 0 < float(done.stdout) < 512
