"""SCRFD's outputs decoded by plain loops."""

import numpy as np

from mien.detect import scrfd


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
