"""Masks of several kinds, drawn into two real portraits: found, and nothing of the portraits themselves is one."""

import cv2
import numpy as np
import pytest

from mien.portrait.examine import Examined
from mien.portrait.measures import mask
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.face_chip import CHIP, FaceChip, PortraitImage, make_face_chip
from mien.types import Box, Face, Image, floats

WHO = ["hopper_examined", "collins_examined"]
COLOURS = {"white": (235, 235, 232), "blue": (120, 165, 215), "black": (30, 30, 34), "red": (160, 40, 46)}


def masked(
    portrait: PortraitImage, colour: tuple[int, int, int], top: float = 0.15, stripes: bool = False
) -> FaceChip:
    """The face with a rounded cloth from above the tip of the nose to below the chin, with grain and soft light."""
    image, points = portrait.image.astype(np.float32), portrait.face.landmarks
    far = float(np.linalg.norm(points[1] - points[0]))
    nose, mouth = points[2], points[3:].mean(axis=0)
    upper, lower = nose[1] - top * far, mouth[1] + 0.95 * far
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    x, y = (columns - mouth[0]) / far, (rows - (upper + lower) / 2) / (lower - upper) * 2
    inside = (np.abs(x) ** 3 + np.abs(y) ** 3 < 1).astype(np.float32)
    cover = cv2.GaussianBlur(inside, (0, 0), 1)[..., None]
    cloth = np.broadcast_to(np.array(colour, np.float32), image.shape) * (1.03 - 0.2 * np.abs(x))[..., None]
    if stripes:
        cloth = np.where((((x + y) * 4) % 1 < 0.3)[..., None], 255 - cloth, cloth)
    cloth = cloth + np.random.default_rng(0).normal(0, 3, image.shape)
    drawn: Image = np.clip((1 - cover) * image + cover * cloth, 0, 255).astype(np.uint8)
    return make_face_chip(PortraitImage(
        image=drawn, width=portrait.width, height=portrait.height, faces=(portrait.face,), chosen=0
    ))  # fmt: skip


@pytest.mark.parametrize("stripes", [False, True])
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("who", WHO)
def test_masks_of_many_kinds_are_found(request: pytest.FixtureRequest, who: str, colour: str, stripes: bool) -> None:
    one: Examined = request.getfixturevalue(who)
    assert mask.mask(masked(one.portrait, COLOURS[colour], stripes=stripes)) > 0.8


@pytest.mark.parametrize("who", WHO)
def test_a_face_without_a_mask_is_none_in_other_light_and_focus(request: pytest.FixtureRequest, who: str) -> None:
    one: Examined = request.getfixturevalue(who)
    assert one.measures["mask"].value < 0.1
    image = one.portrait.image
    draw = np.random.default_rng(0)
    for other in (
        np.clip(255 * (image / 255) ** 1.8, 0, 255),
        np.clip(255 * (image / 255) ** 0.6, 0, 255),
        cv2.GaussianBlur(image, (0, 0), 1.5),
        np.clip(image + draw.normal(0, 8, image.shape), 0, 255),
        image[:, ::-1],
    ):
        shown = one.portrait.image.shape[1]
        points = one.portrait.face.landmarks
        mirrored = np.shares_memory(other, image) and other.strides[1] < 0
        if mirrored:
            points = (points * (-1, 1) + (shown - 1, 0))[[1, 0, 2, 4, 3]].astype(np.float32)
        chip = chip_of(one, np.ascontiguousarray(other).astype(np.uint8), points)
        assert mask.mask(chip) < 0.5


def chip_of(one: Examined, image: Image, points: np.ndarray) -> FaceChip:
    face = one.portrait.face.__class__(one.portrait.face.box, one.portrait.face.score, points)
    return make_face_chip(
        PortraitImage(image=image, width=image.shape[1], height=image.shape[0], faces=(face,), chosen=0)
    )


def test_the_facts_are_those_that_are_weighed_and_the_score_is_their_sum(hopper_examined: Examined) -> None:
    found = mask.facts(hopper_examined.chip)
    assert found.keys() == mask.WEIGHTS.keys()
    score = mask.BIAS
    for name, value in found.items():
        mean, sd, weight = mask.WEIGHTS[name]
        score += weight * (value - mean) / sd
    assert mask.mask(hopper_examined.chip) == pytest.approx(1 / (1 + np.exp(-score)))


def test_a_line_of_a_mouth_is_in_its_row_and_skin_is_like_itself(seen, grain: Image) -> None:
    plain = mask.facts(seen(grain))
    assert plain["share unlike skin"] == 0 and plain["distance in colour"] < np.log1p(3)
    drawn = grain.copy()
    chip = seen(grain)
    row = round(float(chip.points[3:, 1].mean()))
    drawn[row - 2 : row + 2, 80:144] = (90, 40, 40)
    assert mask.facts(seen(drawn))["line of the mouth"] > plain["line of the mouth"] + 0.3
    blue = grain.copy()
    blue[row - 40 :] = (90, 120, 200)
    found = mask.facts(seen(blue))
    assert found["share unlike skin"] > 0.8
    assert found["edge across the cheeks"] > plain["edge across the cheeks"] + 1


def test_a_mouth_at_the_border_of_the_chip_has_no_line(seen, grain: Image) -> None:
    chip = seen(grain)
    low = np.array(chip.points)
    low[3:, 1] = CHIP - 3
    assert mask._mouth(type("Chip", (), {"points": low, "smooth": chip.smooth})()) == (0.0, 0.0)


@pytest.mark.parametrize(("between_the_eyes", "is_judged"), [(40, True), (24, True), (16, False), (8, False)])
def test_on_a_small_face_no_mask_is_seen_or_denied(
    hopper_examined: Examined, between_the_eyes: float, is_judged: bool
) -> None:
    """About one in ten faces of 32 pixels without a mask was said to wear one."""
    portrait = hopper_examined.portrait
    eyes = portrait.face.landmarks[:2]
    scale = between_the_eyes / float(np.linalg.norm(eyes[1] - eyes[0]))
    small = cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = Box(*(side * scale for side in portrait.face.box.corners))
    face = Face(box, 0.9, floats(portrait.face.landmarks * scale))
    shrunk = PortraitImage(image=small, width=small.shape[1], height=small.shape[0], faces=(face,), chosen=0)
    found = MEASURES["mask"].take(shrunk, make_face_chip(shrunk))
    assert (found.value is not None) is is_judged
    if not is_judged:
        assert found.reason.text("en") == "the face is too small for a mask to be seen"


@pytest.mark.parametrize("who", WHO)
def test_what_is_read_around_the_lower_face_alone_is_what_the_whole_chip_has_there(request, who: str) -> None:
    chip = make_face_chip(request.getfixturevalue(who).portrait)
    (rows, columns), inside = mask._lower(chip)
    x, y = (chip.eyes + chip.down * 1.1) / 2
    whole = np.zeros((CHIP // 2, CHIP // 2), bool)
    for row in range(CHIP // 2):
        for column in range(CHIP // 2):
            whole[row, column] = np.hypot(column - x, row - y) <= 0.62 * 32
    assert inside.sum() == whole.sum() and (whole[rows, columns] == inside).all()
    grey = chip.grey[::2, ::2]
    rough = cv2.GaussianBlur(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)), (0, 0), 2.0)
    assert mask._rough(chip, (rows, columns)) == pytest.approx(rough[rows, columns], abs=1e-4)


def test_tones_are_medians_of_squares() -> None:
    colours = floats(np.random.default_rng(0).integers(0, 255, (112, 112, 3)))
    places = floats([[60, 80], [-9, 300], [223, 5]])
    expected = [
        np.median(colours[y - 4 : y + 4, x - 4 : x + 4].reshape(-1, 3), axis=0)
        for x, y in ((30, 40), (4, 108), (108, 4))
    ]
    assert mask._tones(colours, places, 4) == pytest.approx(np.array(expected))
