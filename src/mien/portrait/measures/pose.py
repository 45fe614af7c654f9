"""Yaw, pitch and roll of a head from five landmarks, each with its standard deviation.

A mean face is turned, scaled and shifted until its five points meet the landmarks; what people differ in (how deep
the nose is, how wide and how low mouth and nose are) is fitted at the same time, each with a prior, so that its
uncertainty becomes one of the angles. Nose depth is the dominant nuisance: taken 5 mm too deep, a head turned by 30
degrees reads as 24; so its prior belongs to the population and is a parameter. Pitch is known from heights alone, and
people differ in those, so it is the weakest of the three. Owns no detector and no limit.

Signs, as the viewer sees the image: yaw is positive when the nose points to the viewer's right (the subject turned
to their own left), pitch is positive when it points down, roll is positive when the head is tilted clockwise.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, degrees, erf, exp, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from mien.errors import DegenerateLandmarksError
from mien.types import Floats, floats

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """A mean face and how people differ from it, in millimetres where the eyes are 63 apart.

    Attributes:
        nose_depth: how far the tip of the nose is in front of the plane of the eyes.
        nose_depth_sd: its standard deviation among people.
        nose_y: of the tip below the eyes.
        mouth_y: of the mouth's corners below the eyes.
        mouth_x: half of the mouth's width.
        mouth_depth: how far the corners are in front of the plane of the eyes.
        nose_y_sd, mouth_y_sd, mouth_x_sd, mouth_depth_sd: their deviations among people.
        distance: of the camera in millimetres; infinite for a scaled orthographic one.
        noise: of a landmark, as a share of the distance between the eyes.
        yaw_sd, pitch_sd, roll_sd: of the angles that are expected, in degrees.
    """

    nose_depth: float = 23.0
    nose_depth_sd: float = 3.8
    nose_y: float = 39.6
    mouth_y: float = 64.0
    mouth_x: float = 28.2
    mouth_depth: float = 4.0
    nose_y_sd: float = 3.8
    mouth_y_sd: float = 5.5
    mouth_x_sd: float = 2.8
    mouth_depth_sd: float = 2.0
    distance: float = 800.0
    noise: float = 0.025
    yaw_sd: float = 30.0
    pitch_sd: float = 12.0
    roll_sd: float = 30.0


DEFAULT_POPULATION = Population()
"""Heights and widths are those of the default detector's landmarks on 1,000 faces that look straight ahead, and the
noise is its error on annotated faces (docs/log.md); depths are those of anthropometry for adults of many origins."""

EYE = 31.5
"""Half of the distance between the eyes, in millimetres."""
STEPS = 8
"""Maximum Gauss-Newton steps; five are usual."""

SHAPE = np.zeros((5, 5, 3))
"""What each of the five shape parameters moves: (parameter, point, axis); nose depth and y, mouth y, x and depth."""
SHAPE[0, 2, 2] = -1
SHAPE[1, 2, 1] = 1
SHAPE[2, 3:, 1] = 1
SHAPE[3, 3, 0], SHAPE[3, 4, 0] = -1, 1
SHAPE[4, 3:, 2] = -1


@dataclass(frozen=True, slots=True)
class Angle:
    """An angle in degrees and its standard deviation."""

    value: float
    sd: float

    def beyond(self, limit: float) -> float:
        """The probability that the angle is more than a limit away from zero."""
        spread = max(self.sd, 1e-6) * sqrt(2)
        return 1 - 0.5 * (erf((limit - self.value) / spread) + erf((limit + self.value) / spread))


@dataclass(frozen=True, slots=True)
class Pose:
    """Yaw, pitch and roll of a head."""

    yaw: Angle
    pitch: Angle
    roll: Angle


def rotation(yaw: float, pitch: float, roll: float) -> Doubles:
    """The (3, 3) rotation of a head: yaw first, then pitch, then roll, in radians; x right, y down, z away."""
    return _about_z(roll) @ _about_x(pitch) @ _about_y(yaw)


def _about_y(a: float) -> Doubles:
    return np.array([[cos(a), 0, -sin(a)], [0, 1, 0], [sin(a), 0, cos(a)]])


def _about_x(a: float) -> Doubles:
    return np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])


def _about_z(a: float) -> Doubles:
    return np.array([[cos(a), -sin(a), 0], [sin(a), cos(a), 0], [0, 0, 1]])


@lru_cache(maxsize=8)
def mean_face(population: Population) -> Doubles:
    """(5, 3) points of the mean face in millimetres, the eyes in the plane z = 0 at y = 0."""
    p = population
    return np.array(
        [
            [-EYE, 0, 0],
            [EYE, 0, 0],
            [0, p.nose_y, -p.nose_depth],
            [-p.mouth_x, p.mouth_y, -p.mouth_depth],
            [p.mouth_x, p.mouth_y, -p.mouth_depth],
        ]
    )


def estimate(landmarks: Floats, population: Population = DEFAULT_POPULATION) -> Pose:
    """Fit the pose of a head.

    The maximum of the posterior by Gauss-Newton under a camera that is
    `distance` away, and the standard deviations from
    its curvature there (Laplace's approximation).

    Args:
        landmarks: (5, 2) pixels in the viewer's order.
        population: whose faces these may be.

    Raises:
        DegenerateLandmarksError: the points coincide.
    """
    points = np.asarray(landmarks, np.float64)
    centre, span = points.mean(axis=0), float(np.linalg.norm(points - points.mean(axis=0)))
    if not np.isfinite(span) or span < 1e-3:
        raise DegenerateLandmarksError("the landmarks coincide, so no pose fits them: detect the face again")
    face, prior = mean_face(population), _prior(population)
    scale = span / float(np.linalg.norm(face[:, :2] - face[:, :2].mean(axis=0)))
    state = np.concatenate([_start(points), [0.0, 0.0, 0.0], np.zeros(5)])
    target = (points - centre) / scale
    weight = 1 / (population.noise * 2 * EYE)
    hessian, expected = np.eye(11), np.diag(prior)
    for _ in range(STEPS):
        residual, jacobian = _residual(state, face, target, 1 / population.distance)
        a, b = jacobian * weight, residual * weight
        hessian = a.T @ a + expected
        step = np.linalg.solve(hessian, a.T @ b - prior * state)
        largest = max(map(abs, step[:3].tolist()))
        state = state + step * min(1.0, 0.5 / max(largest, 1e-12))
        if largest < 2e-3:
            break
    spread = np.sqrt(np.diag(np.linalg.inv(hessian))[:3])
    yaw, pitch, roll = (Angle(degrees(float(a)), degrees(float(s))) for a, s in zip(state[:3], spread, strict=True))
    return Pose(yaw, pitch, roll)


def _start(points: Doubles) -> list[float]:
    """Roll from eyes and mouth; yaw from where the nose is between them; no pitch."""
    across = (points[1] - points[0]) + (points[4] - points[3])
    roll = float(np.arctan2(across[1], across[0]))
    upright = (points - points[:2].mean(axis=0)) @ _about_z(roll)[:2, :2]
    width = max(1e-6, float(np.ptp(upright[[0, 1, 3, 4], 0])))
    offset = (upright[2, 0] - upright[[0, 1, 3, 4], 0].mean()) / width
    return [float(np.clip(2.2 * offset, -1.2, 1.2)), 0.0, roll]


@lru_cache(maxsize=8)
def _prior(p: Population) -> Doubles:
    """Precisions of angles (radians), log scale and shifts (free but for scale and rounding), and shape."""
    sds = [
        *(radians(a) for a in (p.yaw_sd, p.pitch_sd, p.roll_sd)),
        *(0.5, 1e3, 1e3),
        *(p.nose_depth_sd, p.nose_y_sd, p.mouth_y_sd, p.mouth_x_sd, p.mouth_depth_sd),
    ]
    return np.asarray([1 / (sd * sd) for sd in sds])


def _residual(state: Doubles, face: Doubles, target: Doubles, near: float) -> tuple[Doubles, Doubles]:
    """What is left of the target, (10,), and how the projection moves with each parameter, (10, 11).

    Parameters: yaw, pitch, roll, log scale, shift x and y, and the five of shape; near is 1 / distance in mm.
    """
    yaw, pitch, roll, log_scale = state[:4].tolist()
    turns, scale = _turns(yaw, pitch, roll), exp(log_scale)
    shape = face + (state[6:] @ _SHAPE_ROWS).reshape(5, 3)
    # Of each point: where it is once turned, and how that moves with yaw, pitch, roll and the shape.
    moved = np.empty((5, 9, 3))
    moved[:, :4] = (shape @ turns).reshape(5, 4, 3)
    moved[:, 4:] = (_SHAPE_POINTS @ turns[:, :3]).reshape(5, 5, 3)
    closer = scale / (1 + near * moved[:, 0, 2:])
    flat = closer * moved[:, 0, :2]
    # The quotient rule on x / (1 + z / distance).
    along = closer[:, None] * moved[:, 1:, :2] - (flat * closer)[:, None] * (near / scale * moved[:, 1:, 2:])
    jacobian = np.empty((5, 2, 11))
    jacobian[:, :, _TURNED_AND_SHAPED] = along.transpose(0, 2, 1)
    jacobian[:, :, 3] = flat
    jacobian[:, :, 4:6] = _SHIFTED
    return (target - flat - state[4:6]).reshape(10), jacobian.reshape(10, 11)


_SHAPE_ROWS, _SHAPE_POINTS = SHAPE.reshape(5, 15), SHAPE.transpose(1, 0, 2).reshape(25, 3)
"""SHAPE as a row for each parameter; and as a row for each point and parameter."""
_TURNED_AND_SHAPED = np.array([0, 1, 2, 6, 7, 8, 9, 10])
_SHIFTED = np.eye(2)


def _turns(yaw: float, pitch: float, roll: float) -> Doubles:
    """(3, 12) matrices for points as rows: the rotation of a head, and its slopes along yaw, pitch and roll."""
    (sy, cy), (sx, cx), (sz, cz) = ((sin(a), cos(a)) for a in (yaw, pitch, roll))
    right = (cy * cz + sx * sy * sz, cy * sz - sx * sy * cz, sy * cx)
    down = (-sz * cx, cx * cz, sx)
    away = (sx * sz * cy - sy * cz, -sx * cy * cz - sy * sz, cx * cy)
    along_yaw = (away, (0.0, 0.0, 0.0), tuple(-v for v in right))
    along_pitch = (
        (sy * sz * cx, -sy * cx * cz, -sx * sy),
        (sx * sz, -sx * cz, cx),
        (sz * cx * cy, -cx * cy * cz, -sx * cy),
    )
    along_roll = ((-y, x, 0.0) for x, y, _ in (right, down, away))
    rows = zip((right, down, away), along_yaw, along_pitch, along_roll, strict=True)
    return np.array([[*whole, *yawed, *pitched, *rolled] for whole, yawed, pitched, rolled in rows])


def angles_of(matrix: NDArray[np.floating]) -> Floats:
    """Yaw, pitch and roll in degrees of a rotation that turns by yaw, then pitch, then roll; see rotation."""
    pitch = np.arcsin(np.clip(matrix[2, 1], -1, 1))
    yaw = np.arctan2(matrix[2, 0], matrix[2, 2])
    roll = np.arctan2(-matrix[0, 1], matrix[1, 1])
    return floats(np.rad2deg([yaw, pitch, roll]))
