"""SCRFD's and YuNet's outputs decoded by plain loops."""

import math

import numpy as np
import pytest

from mien.detect import retinaface, rfb, scrfd, ssd, yolo, yunet


def outputs_of(seed: int, width: int, height: int, anchors: int, widths: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    cells = [(height // s) * (width // s) * anchors for s in (8, 16, 32)]
    return [generator.uniform(0, 1, (count, last)).astype(np.float32) for last in widths for count in cells]


def test_scrfd_by_plain_loops() -> None:
    width, height, threshold = 96, 64, 0.9
    outputs = outputs_of(0, width, height, 2, (1, 4, 10))
    expected = []
    for level, stride in enumerate((8, 16, 32)):
        row_of_output = 0
        for y in range(height // stride):
            for x in range(width // stride):
                for _ in range(2):
                    score = outputs[level][row_of_output, 0]
                    if score >= threshold:
                        left, top, right, bottom = outputs[level + 3][row_of_output] * stride
                        points = outputs[level + 6][row_of_output].reshape(5, 2) * stride
                        centre = np.array([x * stride, y * stride])
                        box = [centre[0] - left, centre[1] - top, centre[0] + right, centre[1] + bottom]
                        expected.append((score, box, centre + points))
                    row_of_output += 1
    found = scrfd.decode(outputs, width, height, threshold)
    assert len(expected) > 10 and len(found.scores) == len(expected)
    for (score, box, points), *got in zip(expected, found.scores, found.boxes, found.landmarks, strict=True):
        assert got[0] == score and np.allclose(got[1], box, atol=1e-4) and np.allclose(got[2], points, atol=1e-4)


def test_yunet_by_plain_loops() -> None:
    width, height, threshold = 96, 64, 0.9
    outputs = [part[None] for part in outputs_of(1, width, height, 1, (1, 1, 4, 10))]
    expected = []
    for level, stride in enumerate((8, 16, 32)):
        number = 0
        for y in range(height // stride):
            for x in range(width // stride):
                score = math.sqrt(outputs[level][0, number, 0] * outputs[level + 3][0, number, 0])
                if score >= threshold:
                    dx, dy, log_width, log_height = outputs[level + 6][0, number]
                    centre = ((x + dx) * stride, (y + dy) * stride)
                    half = (math.exp(log_width) * stride / 2, math.exp(log_height) * stride / 2)
                    points = [
                        ((px + x) * stride, (py + y) * stride)
                        for px, py in outputs[level + 9][0, number].reshape(5, 2)
                    ]
                    box = [centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1]]
                    expected.append((score, box, points))
                number += 1
    found = yunet.decode(outputs, width, height, threshold)
    assert expected and len(found.scores) == len(expected)
    for (score, box, points), *got in zip(expected, found.scores, found.boxes, found.landmarks, strict=True):
        assert got[0] == pytest.approx(score, abs=1e-5)
        assert np.allclose(got[1], box, atol=1e-3) and np.allclose(got[2], points, atol=1e-3)


def test_retinaface_by_plain_loops() -> None:
    width, height, threshold = 96, 72, 0.9
    generator = np.random.default_rng(2)
    cells = [math.ceil(height / s) * math.ceil(width / s) * 2 for s in (8, 16, 32)]
    outputs = [generator.uniform(-1, 1, (1, sum(cells), last)).astype(np.float32) for last in (4, 2, 10)]
    expected, index = [], 0
    for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for y in range(math.ceil(height / stride)):
            for x in range(math.ceil(width / stride)):
                for side in sides:
                    centre = np.array([(x + 0.5) * stride, (y + 0.5) * stride])
                    score = outputs[1][0, index, 1]
                    if score >= threshold:
                        move, grow = outputs[0][0, index, :2], outputs[0][0, index, 2:]
                        middle = centre + move * 0.1 * side
                        half = side * np.exp(grow * 0.2) / 2
                        points = [centre + outputs[2][0, index, k : k + 2] * 0.1 * side for k in range(0, 10, 2)]
                        expected.append((score, [*(middle - half), *(middle + half)], points))
                    index += 1
    found = retinaface.decode(outputs, width, height, threshold)
    assert len(expected) > 5 and len(found.scores) == len(expected)
    for (score, box, points), *got in zip(expected, found.scores, found.boxes, found.landmarks, strict=True):
        assert got[0] == score and np.allclose(got[1], box, atol=1e-3) and np.allclose(got[2], points, atol=1e-3)


def test_ultra_light_and_ssd_give_boxes_as_shares() -> None:
    scores = np.array([[[0.9, 0.1], [0.2, 0.8]]], np.float32)
    boxes = np.array([[[0, 0, 1, 1], [0.25, 0.5, 0.75, 1.0]]], np.float32)
    found = rfb.decode([scores, boxes], 320, 240, 0.7)
    assert found.boxes.tolist() == [[80, 120, 240, 240]] and found.scores.tolist() == [pytest.approx(0.8)]
    rows = np.array([[0, 1, 0.9, 0.1, 0.2, 0.5, 0.6], [0, 0, 0.9, 0, 0, 1, 1], [-1, 0, 0, 0, 0, 0, 0]], np.float32)
    found = ssd.decode([rows[None, None]], 300, 300, 0.5)
    assert np.allclose(found.boxes, [[30, 60, 150, 180]]) and np.isnan(found.landmarks).all()


def test_yolo_v3_maps_by_plain_loops() -> None:
    width = height = 64
    generator = np.random.default_rng(3)
    sizes = {32: 2, 16: 4, 8: 8}
    outputs = [generator.normal(0, 2, (1, 18, n, n)).astype(np.float32) for n in sizes.values()]
    sigmoid = lambda v: 1 / (1 + math.exp(-v))  # noqa: E731
    expected = []
    for output, stride in zip(outputs, sizes, strict=True):
        for anchor, (wide, tall) in enumerate(yolo.ANCHORS[stride]):
            for y in range(height // stride):
                for x in range(width // stride):
                    tx, ty, tw, th, obj, cls = (float(output[0, anchor * 6 + k, y, x]) for k in range(6))
                    score = sigmoid(obj) * sigmoid(cls)
                    if score >= 0.5:
                        cx, cy = (sigmoid(tx) + x) * stride, (sigmoid(ty) + y) * stride
                        w, h = math.exp(tw) * wide, math.exp(th) * tall
                        expected.append((score, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]))
    found = yolo.decode_v3(outputs, width, height, 0.5)
    assert len(expected) > 5 and len(found.scores) == len(expected)
    for (score, box), *got in zip(expected, found.scores, found.boxes, strict=True):
        assert got[0] == pytest.approx(score, abs=1e-5) and np.allclose(got[1], box, rtol=1e-4, atol=1e-3)


def test_every_decoded_yolo_layout_gives_the_same_face() -> None:
    box, points = [100, 80, 40, 60], [[90, 70], [110, 70], [100, 80], [92, 95], [108, 95]]
    flat = [v for point in points for v in point]
    with_trust = [v for x, y in points for v in (x, y, 0.7)]
    five = np.array([[[*box, 0.9, *flat, 0.8], [*box, 0.1, *flat, 0.8]]], np.float32)
    seven = np.array([[[*box, 0.9, 0.8, *with_trust], [*box, 0.1, 0.8, *with_trust]]], np.float32)
    eight = np.array([[[*box, 0.72, *with_trust], [*box, 0.1, *with_trust]]], np.float32).transpose(0, 2, 1)
    three = np.array([[[*box, 0.9, 0.8], [*box, 0.1, 0.8]]], np.float32)
    for decode, output in (
        (yolo.decode_v5, five),
        (yolo.decode_v7, seven),
        (yolo.decode_v8, eight),
        (yolo.decode_v8_boxes, eight[:, :5]),
        (yolo.decode_v3, three),
    ):
        found = decode([output], 640, 640, 0.5)
        assert np.allclose(found.boxes, [[80, 50, 120, 110]]) and np.allclose(found.scores, [0.72])
        assert np.isnan(found.landmarks).all() or np.allclose(found.landmarks, [points])
