"""Runs models for portraits on one face, and turns their outputs into points, angles, classes and shares.

One function for each family; the table of families is in portrait_models. Compares nothing with a limit.
"""

import cv2
import numpy as np

from mien.portrait.measures.face_chip import CHIP, FaceChip
from mien.portrait.measures.face_crops import cut
from mien.portrait.measures.portrait_model import Findings, PortraitModel
from mien.portrait.measures.pose import angles_of
from mien.types import Floats, Image, floats

MESH_POINTS = 468
IRIS_POINTS, EYE_POINTS, LID_POINTS = 5, 71, 16
"""Points of an iris; of an eye with its surroundings, and the first ones among them, which are on the lids."""
LIVE = 1
"""The class of living faces among the three of MiniFASNet; the others are prints and screens."""


def landmarks(chip: FaceChip, model: PortraitModel) -> Findings:
    """`landmarks`: (K, 2) points in pixels of the image."""
    (crop,) = cut(chip, model)
    points = model.session.run(crop.pixels[None])[0].reshape(-1, 2)
    size = floats([model.width, model.height])
    if model.spec.output == "signed":
        points = floats((points + 1) / 2 * size)
    elif model.spec.output == "unit":
        points = points * size
    return {"landmarks": crop.lay_back(points)}


def pose(chip: FaceChip, model: PortraitModel) -> Findings:
    """`pose`: yaw, pitch and roll in degrees, with the signs of mien.portrait.measures.pose."""
    (crop,) = cut(chip, model)
    outputs = model.session.run(crop.pixels[None])
    values: Floats
    if model.spec.output == "matrix":
        values = angles_of(outputs[0].reshape(3, 3))
    else:
        values = floats([float(v) for output in outputs for v in output.reshape(-1)][:3])
        if model.spec.output == "radians":
            values = floats(np.rad2deg(values))
    return {"pose": floats(values * floats(model.spec.signs))}


def parsing(chip: FaceChip, model: PortraitModel) -> Findings:
    """`parsing`: (224, 224) classes over the chip."""
    image_to_chip = cv2.invertAffineTransform(chip.back)
    (crop,) = cut(chip, model)
    scores = model.session.run(crop.pixels[None])[0]
    classes = scores.reshape(scores.shape[-3:]).argmax(axis=0).astype(np.float32)
    step = floats([model.width / classes.shape[1], model.height / classes.shape[0]])
    whole = np.vstack([crop.back, [0, 0, 1]]) @ np.diag([float(step[0]), float(step[1]), 1.0])
    matrix = (np.vstack([image_to_chip, [0, 0, 1]]) @ whole)[:2]
    return {"parsing": floats(cv2.warpAffine(classes, matrix, (CHIP, CHIP), flags=cv2.INTER_NEAREST))}


def quality(chip: FaceChip, model: PortraitModel) -> Findings:
    """`quality`: one number, 0 to 100 between the card's low and high."""
    (crop,) = cut(chip, model)
    value = model.session.run(crop.pixels[None])[0].reshape(-1)[:1]
    low, high = model.spec.low, model.spec.high
    return {"quality": floats(np.clip((value - low) / (high - low) * 100, 0, 100))}


def mesh(chip: FaceChip, model: PortraitModel) -> Findings:
    """`mesh`: (468, 3) points in pixels of the image, the third towards the viewer negative; `presence`: 0 to 1."""
    (crop,) = cut(chip, model)
    outputs = model.session.run(crop.pixels[None])
    points = next(one for one in outputs if one.size == 3 * MESH_POINTS).reshape(MESH_POINTS, 3)
    presence = next(one for one in outputs if one.size == 1).reshape(1)
    scale = float(np.hypot(crop.back[0, 0], crop.back[1, 0]))
    laid = np.column_stack([crop.lay_back(points[:, :2]), points[:, 2] * scale])
    return {"mesh": floats(laid), "presence": floats(1 / (1 + np.exp(-presence)))}


def iris(chip: FaceChip, model: PortraitModel) -> Findings:
    """`iris`: (2, 5, 2) centre and rim of each iris; `lids`: (2, 16, 2) the outline between the lids of each eye.

    In pixels of the image, the viewer's left eye first. The network was trained on that eye, and the other one is
    mirrored for it.
    """
    left, right = cut(chip, model)
    mirrored: Image = np.ascontiguousarray(right.pixels[:, ::-1])
    irises: list[Floats] = []
    lids: list[Floats] = []
    for crop, pixels in ((left, left.pixels), (right, mirrored)):
        outputs = model.session.run(pixels[None])
        for points, found, count in ((IRIS_POINTS, irises, IRIS_POINTS), (EYE_POINTS, lids, LID_POINTS)):
            spots = next(one for one in outputs if one.size == 3 * points).reshape(points, 3)[:count, :2]
            if pixels is mirrored:
                spots = np.column_stack([model.width - spots[:, 0], spots[:, 1]])
            found.append(crop.lay_back(floats(spots)))
    return {"iris": floats(irises), "lids": floats(lids)}


def eyes(chip: FaceChip, model: PortraitModel) -> Findings:
    """`eyes`: (2,) how sure the network is that each eye is open, 0 to 1, the viewer's left eye first."""
    outputs = [model.session.run(crop.pixels[None])[0].reshape(-1) for crop in cut(chip, model)]
    return {"eyes": floats([float(output[1]) for output in outputs])}


def liveness(chip: FaceChip, model: PortraitModel) -> Findings:
    """`liveness`: (1,) share of the living class, 0 to 1."""
    (crop,) = cut(chip, model)
    scores = model.session.run(crop.pixels[None])[0].reshape(-1)
    if model.spec.output == "scores":
        raised = np.exp(scores - scores.max())
        scores = floats(raised / raised.sum())
    return {"liveness": floats(scores[LIVE : LIVE + 1])}
