"""Detectors with one network: minimum score, suppression and passes are the family's, or the caller's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mien.detect.families import FAMILIES
from mien.detect.one_stage import OVERLAP, OneStage, OneStageFamily, has_widths
from mien.detect.schedule import PASSES, Candidates, Pass
from mien.models.card import InputSpec, ModelCard
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Floats, Image, floats


class Network:
    """A model and its session in one: answers every canvas with its own size."""

    def __init__(self, width: int | None = None, height: int | None = None) -> None:
        spec = InputSpec(colour="RGB", mean=(0, 0, 0), scale=(1, 1, 1), width=width, height=height)
        self.card = ModelCard.model_construct(name="net", input=spec)
        self.canvases: list[tuple[int, int]] = []

    def session(self, options: object) -> "Network":
        return self

    def run(self, images: Image) -> list[Floats]:
        self.canvases.append((images.shape[2], images.shape[1]))
        return [floats([[0]])]


def boxes_in_a_row(scores: Sequence[float], shift: float) -> OneStageFamily:
    """A family that finds boxes of 100 pixels, each shifted from the one before, on the first canvas alone."""

    def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
        rows = [(score, i) for i, score in enumerate(scores) if score >= threshold and width > 400]
        boxes = floats([[i * shift, 0, i * shift + 100, 100] for _, i in rows]).reshape(-1, 4)
        return Candidates(boxes, floats([score for score, _ in rows]), np.zeros((len(rows), 5, 2), np.float32))

    return OneStageFamily(name="row", about="boxes in a row", min_score=0.5, outputs=has_widths(1), decode=decode)


LIMITS = {
    "scrfd": (0.5, 0.4),
    "yunet": (0.6, 0.4),
    "retinaface": (0.6, 0.4),
    "rfb": (0.7, 0.4),
    "ssd": (0.5, 0.4),
    "yolov3": (0.5, 0.45),
    "yolov5-face": (0.5, 0.45),
    "yolov7-face": (0.5, 0.45),
    "yolov8-face": (0.5, 0.45),
    "yolov8-boxes": (0.5, 0.45),
}
"""The minimum score and the overlap in the code of each family's authors."""

IMAGE = np.zeros((480, 640, 3), np.uint8)


def count(family: OneStageFamily, min_score: float | None = None) -> int:
    return len(OneStage(Network(), family, DEFAULT_OPTIONS, min_score=min_score).detect([IMAGE])[0])


def test_the_minimum_score_is_the_family_s_or_the_caller_s() -> None:
    family = boxes_in_a_row([0.9, 0.5, 0.49, 0.2], 150)
    assert count(family) == 2 and count(family, 0.1) == 4 and count(family, 0.8) == 1
    detector = OneStage(Network(), family, DEFAULT_OPTIONS, min_score=0.1)
    assert (detector.name, detector.min_score, detector.longest) == ("net", 0.5, 640)


@pytest.mark.parametrize(("shift", "found"), [(42, 1), (44, 2)])
def test_boxes_that_overlap_by_more_than_four_tenths_are_one_face(shift: float, found: int) -> None:
    assert OVERLAP == 0.4 and count(boxes_in_a_row([0.9, 0.8], shift)) == found


def test_every_pass_goes_through_the_network_and_a_fixed_size_is_kept() -> None:
    free, fixed, once = Network(), Network(320, 240), Network()
    family = boxes_in_a_row([], 1)
    OneStage(free, family, DEFAULT_OPTIONS).detect([IMAGE])
    assert free.canvases == [(640, 480), (192, 160)] and len(PASSES) == 2
    detector = OneStage(fixed, family, DEFAULT_OPTIONS)
    detector.detect([IMAGE, IMAGE])
    assert fixed.canvases == [(320, 240)] * 4 and detector.longest == 320
    OneStage(once, family, DEFAULT_OPTIONS, passes=(Pass(320),)).detect([IMAGE])
    assert once.canvases == [(320, 256)]


@pytest.mark.parametrize(("score", "canvases"), [(0.9, [(640, 480)]), (0.7, [(640, 480), (192, 160)])])
def test_a_sure_face_in_the_middle_saves_the_second_pass(score: float, canvases: list[tuple[int, int]]) -> None:
    def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
        return Candidates(floats([[200, 120, 440, 360]]), floats([score]), np.zeros((1, 5, 2), np.float32))

    network = Network()
    OneStage(network, replace(boxes_in_a_row([], 1), decode=decode), DEFAULT_OPTIONS).detect([IMAGE])  # type: ignore[arg-type]
    assert network.canvases == canvases


def test_widths_are_those_of_all_outputs_in_their_order() -> None:
    recognizes = has_widths(4, 2, 10)
    assert recognizes([[1, None, 4], [1, None, 2], [1, None, 10]])
    for outputs in ([[1, 4], [1, 10], [1, 2]], [[1, 4], [1, 2]], [[1, 4], [1, 2], []], []):
        assert not recognizes(outputs)


def test_every_family_has_the_limits_of_its_authors() -> None:
    """Boxes of 100 pixels shifted by s overlap by (100 - s) / (100 + s)."""
    families = {name: family for name, family in FAMILIES.items() if isinstance(family, OneStageFamily)}
    assert set(families) == set(LIMITS)
    for name, (min_score, overlap) in LIMITS.items():
        for difference, found in ((0.01, 1), (-0.01, 2)):
            iou = overlap + difference
            row = boxes_in_a_row([0.9, 0.8], 100 * (1 - iou) / (1 + iou))
            assert count(replace(families[name], decode=row.decode)) == found, name
        row = boxes_in_a_row([min_score, min_score - 0.01], 150)
        assert count(replace(families[name], decode=row.decode)) == 1, name


def test_yunet_sees_pictures_at_960_pixels_and_the_others_at_640() -> None:
    image = np.zeros((960, 1280, 3), np.uint8)
    for name, canvas in (("yunet", (960, 736)), ("scrfd", (640, 480))):
        family = FAMILIES[name]
        assert isinstance(family, OneStageFamily)
        network = Network()
        OneStage(network, replace(family, decode=boxes_in_a_row([], 1).decode), DEFAULT_OPTIONS).detect([image])
        assert network.canvases[0] == canvas
