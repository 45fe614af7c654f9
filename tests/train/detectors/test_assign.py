"""Which anchor answers for which face, by plain loops."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import overlap_by_hand  # noqa: E402

from mien.train.detectors.assign import Anchors, adaptive, by_overlap  # noqa: E402
from mien.train.detectors.retinaface import priors_of  # noqa: E402
from mien.train.detectors.scrfd import anchors_of  # noqa: E402

CPU = torch.device("cpu")


def test_adaptive_assignment_by_plain_loops() -> None:
    generator = torch.Generator().manual_seed(4)
    levels = (60, 30, 12)
    # Centres of their own, so that no two are equally near.
    centres = torch.rand(sum(levels), 2, generator=generator) * 120
    half = torch.cat([torch.full((count, 1), side) for count, side in zip(levels, (8.0, 20.0, 45.0), strict=True)])
    anchors = Anchors(centres, torch.cat([centres - half, centres + half], dim=1), half[:, 0], levels)
    faces = torch.tensor([[10, 12, 40, 50], [60, 20, 110, 90], [3, 80, 6, 83.0], [20, 30, 60, 70]])
    best: dict[int, tuple[float, int]] = {}
    for number, face in enumerate(faces.tolist()):
        middle = ((face[0] + face[2]) / 2, (face[1] + face[3]) / 2)
        candidates, first = [], 0
        for count in levels:
            far = [(math.dist(centres[i].tolist(), middle), i) for i in range(first, first + count)]
            candidates += [i for _, i in sorted(far)[:9]]
            first += count
        values = [overlap_by_hand(anchors.boxes[i].tolist(), face) for i in candidates]
        threshold = np.mean(values) + np.std(values, ddof=1)
        chosen = [
            (value, i)
            for value, i in zip(values, candidates, strict=True)
            if value >= threshold and face[0] < centres[i][0] < face[2] and face[1] < centres[i][1] < face[3]
        ]
        for value, i in chosen or [max(zip(values, candidates, strict=True))]:
            if i not in best or value > best[i][0]:
                best[i] = (value, number)
    alone = adaptive(anchors, faces, torch.zeros(4, dtype=torch.long), 1)[0]
    found = {i: face for i, face in enumerate(alone.tolist()) if face >= 0}
    assert found == {i: number for i, (_, number) in best.items()}
    assert set(found.values()) == {0, 1, 2, 3}


def test_the_inputs_of_a_batch_are_assigned_as_each_alone() -> None:
    anchors, generator = anchors_of(128, 96, CPU), torch.Generator().manual_seed(3)
    corner = torch.rand(9, 2, generator=generator) * 80
    faces = torch.cat([corner, corner + 8 + torch.rand(9, 2, generator=generator) * 40], dim=1)
    # The second input has no face; two faces of the third are the same, and the first of them answers.
    faces[8], rows = faces[7], torch.tensor([0, 0, 0, 0, 2, 2, 2, 2, 2])
    together = adaptive(anchors, faces, rows, 3)
    assert (together[1] == -1).all() and 8 not in together
    for number, first in ((0, 0), (2, 4)):
        own = faces[rows == number]
        alone = adaptive(anchors, own, torch.zeros(len(own), dtype=torch.long), 1)[0]
        assert torch.equal(together[number], torch.where(alone >= 0, alone + first, -1))


def test_no_face_is_assigned_nothing() -> None:
    nothing = adaptive(anchors_of(64, 64, CPU), torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), 3)
    assert nothing.shape == (3, 2 * (64 + 16 + 4)) and (nothing == -1).all()
    assert (by_overlap(torch.rand(5, 4), torch.zeros(0, 4), 0.35) == -1).all()


def test_every_face_has_its_best_prior() -> None:
    priors = priors_of(160, 128, CPU)
    corners = torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], dim=1)
    faces = torch.tensor([[20, 20, 50, 60], [80, 30, 150, 120.0]])
    found = by_overlap(corners, faces, 0.35)
    for number, face in enumerate(faces.tolist()):
        values = [overlap_by_hand(one, face) for one in corners.tolist()]
        assert found[int(np.argmax(values))] == number
        assert all(found[i] >= 0 for i, value in enumerate(values) if value >= 0.35)
