"""RetinaFace's outputs decoded by plain loops."""

import math

import numpy as np

from mien.detect import retinaface


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
