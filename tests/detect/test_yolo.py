"""YOLO's outputs in the layouts of its generations, decoded by plain loops."""

import math

import numpy as np
import pytest

from mien.detect import yolo


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
