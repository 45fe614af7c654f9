"""YuNet's outputs decoded by plain loops."""

import math

import numpy as np
import pytest

from mien.detect import yunet


def outputs_of(seed: int, width: int, height: int, anchors: int, widths: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    cells = [(height // s) * (width // s) * anchors for s in (8, 16, 32)]
    return [generator.uniform(0, 1, (count, last)).astype(np.float32) for last in widths for count in cells]


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
