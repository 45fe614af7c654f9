"""What R-Net and O-Net of MTCNN see and answer: patches cut out of images; the boxes and points that follow.

Owns cutting, batches of patches, suppression and box arithmetic. Decides nothing about faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.detect.mtcnn_pyramid import PADDING, Halvings
from mien.geometry import nms
from mien.models.session import Session
from mien.types import Floats, Image, floats

BATCHES = (64, 32, 16, 8)
"""Patches that go through a network together. More gain nothing, and below eight each patch takes longer."""


Numbers = NDArray[np.int64]
PLACE, DEPTH = 32, 8
"""Bits of a window's number that hold its place on its level, and the level's depth in the pyramid of its image."""


def number_windows(owner: Numbers, depth: Numbers, row: Numbers, column: Numbers) -> Numbers:
    """Numbers for windows of P-Net, in the order of images, levels (the finest first), rows and columns.

    So of equal scores the first wins, wherever a canvas has its level.
    """
    level = (owner << DEPTH) + depth
    return np.asarray((level << PLACE) + (row << (PLACE // 2)) + column, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Boxes of a batch: (N, 4) in pixels of the working images, (N,) scores, (N,) the numbers of P-Net's windows in
    which they were found."""

    boxes: Floats
    scores: Floats
    window: Numbers

    @classmethod
    def joined(cls, parts: "Sequence[Proposals]") -> "Proposals":
        """All of several, in the order of their windows."""
        none = cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))
        every = [none, *parts]
        together = cls(
            np.concatenate([part.boxes for part in every]),
            np.concatenate([part.scores for part in every]),
            np.concatenate([part.window for part in every]),
        )
        return together.take(np.argsort(together.window, kind="stable"))

    @property
    def owner(self) -> Numbers:
        """(N,) the image's index."""
        return self.window >> (PLACE + DEPTH)

    @property
    def depth(self) -> Numbers:
        """(N,) of the level in the pyramid of its image."""
        return (self.window >> PLACE) % (1 << DEPTH)

    def take(self, index: Numbers) -> "Proposals":
        """The boxes with these indices, in their order."""
        return Proposals(self.boxes[index], self.scores[index], self.window[index])

    def of(self, owners: Sequence[int]) -> "Proposals":
        """The boxes of some images."""
        return self.take(np.flatnonzero(np.isin(self.owner, owners)))


class Answers:
    """What a network answered for patches, so that a second look at an image asks about new ones alone.

    Args:
        session: the network.
        side: of its patches in pixels.
    """

    def __init__(self, session: Session, side: int) -> None:
        self._session, self._side = session, side
        self._windows = np.empty(0, np.int64)
        self._outputs: list[Floats] = []

    def about(self, images: Sequence[Halvings], squares: Proposals) -> list[Floats]:
        """The network's outputs for some squares; those of a window that was asked about before are known."""
        place = np.searchsorted(self._windows, squares.window)
        known = np.zeros(len(place), bool)
        if len(self._windows):
            known = self._windows[np.minimum(place, len(self._windows) - 1)] == squares.window
        new = np.flatnonzero(~known)
        outputs = [output[place * known] for output in self._outputs]
        if len(new):
            fresh = run_patches(self._session, cut_patches(images, squares.take(new), self._side))
            outputs = outputs or [np.empty((len(known), *output.shape[1:]), np.float32) for output in fresh]
            for output, part in zip(outputs, fresh, strict=True):
                output[new] = part
        order = np.argsort(squares.window)
        self._windows, self._outputs = squares.window[order], [output[order] for output in outputs]
        return outputs


def by_owner(proposals: Proposals) -> list[Numbers]:
    """The places of the boxes of each image that has any."""
    order = np.argsort(proposals.owner, kind="stable")
    cuts = np.flatnonzero(np.diff(proposals.owner[order])) + 1
    return np.split(order, cuts) if len(order) else []


def suppress(proposals: Proposals, overlap: float, groups: Numbers | None = None) -> Proposals:
    """The best boxes of each image.

    Args:
        proposals: of any number of images.
        overlap: IoU above which the worse of two boxes is dropped.
        groups: (N,) numbers; boxes of different groups do not suppress each other. None is one group per image.
    """
    boxes, scores = proposals.boxes, proposals.scores
    # Image by image, since the time for suppression grows with the square of the number of boxes.
    kept = [
        own[nms(boxes[own], scores[own], overlap, None if groups is None else groups[own])]
        for own in by_owner(proposals)
    ]
    return proposals.take(np.concatenate([np.empty(0, np.int64), *kept]))


def run_patches(session: Session, patches: Image) -> list[Floats]:
    """Run (N, side, side, 3) patches through a network, in batches of few sizes."""
    parts, start = [], 0
    while start < len(patches):
        left = len(patches) - start
        count = next((size for size in BATCHES if size <= left), left)
        parts.append(_run_part(session, patches[start : start + count]))
        start += count
    return [np.concatenate(output) for output in zip(*parts, strict=True)]


def _run_part(session: Session, patches: Image) -> list[Floats]:
    """Run patches, filled up to a power of two, so that few shapes occur."""
    count = 1 << (len(patches) - 1).bit_length()
    if count > len(patches):
        patches, given = np.zeros((count, *patches.shape[1:]), np.uint8), patches
        patches[: len(given)] = given
        return [output[: len(given)] for output in session.run(patches)]
    return session.run(patches)


def cut_patches(images: Sequence[Halvings], proposals: Proposals, side: int) -> Image:
    """Cut out every box, grey where it leaves the image: (N, side, side, 3) uint8 RGB."""
    patches = np.empty((len(proposals.boxes), side, side, 3), np.uint8)
    halving, places = _places(images, proposals, side)
    for patch, owner, times, place in zip(
        patches, proposals.owner.tolist(), halving.tolist(), places.tolist(), strict=True
    ):
        cv2.resize(_cut(images[owner][times], *place), (side, side), patch, interpolation=cv2.INTER_LINEAR)
    return patches


def _places(images: Sequence[Halvings], proposals: Proposals, side: int) -> tuple[Numbers, Numbers]:
    """Where boxes are: (N,) the halving of its image that each is sampled from, (N, 4) whole pixels of that."""
    counts = np.array([len(own) for own in images])
    sizes = np.array([image.shape[1::-1] for own in images for image in own], np.float64)
    first = (np.cumsum(counts) - counts)[proposals.owner]
    shrunk = (proposals.boxes[:, 2] - proposals.boxes[:, 0]).astype(np.float64) / side
    halving = np.minimum(np.log2(np.maximum(shrunk, 1)).astype(np.int64), counts[proposals.owner] - 1)
    grow = floats(np.tile(sizes[first + halving] / sizes[first], 2))
    places = np.rint(proposals.boxes * grow).astype(np.int64)
    places[:, 2:] = np.maximum(places[:, 2:], places[:, :2] + 1)
    return halving, places


def _cut(image: Image, x1: int, y1: int, x2: int, y2: int) -> Image:
    """A part of an image, grey where it leaves the image."""
    height, width = image.shape[:2]
    if x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height:
        return image[y1:y2, x1:x2]
    cut = image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    whole = np.full((y2 - y1, x2 - x1, 3), PADDING, np.uint8)
    whole[max(0, -y1) : max(0, -y1) + cut.shape[0], max(0, -x1) : max(0, -x1) + cut.shape[1]] = cut
    return whole


def shift_boxes(boxes: Floats, shifts: Floats) -> Floats:
    """Move the sides of boxes by shares of their sizes."""
    sizes = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return np.asarray(boxes + shifts * sizes, np.float32)


def place_points(boxes: Floats, points: Floats) -> Floats:
    """Landmarks from shares of the box, five x, then five y: (N, 5, 2)."""
    share = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    return np.asarray(boxes[:, None, :2] + share * (boxes[:, None, 2:] - boxes[:, None, :2]), np.float32)


def to_squares(boxes: Floats) -> Floats:
    """The squares around the boxes' centres with their longer sides."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
