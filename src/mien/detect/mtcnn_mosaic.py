"""The levels of many images side by side on few canvases of few sizes, as P-Net sees them.

A fully convolutional network judges a window by the pixels of that window alone. So levels of different images can be
on one canvas, and the windows that show two of them are left out. That spares the grey that fills a canvas around a
single level, which took half of P-Net's time, and the shapes for which an engine prepares itself. Owns where levels
are; runs no network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.detect.mtcnn_pyramid import CELL, PADDING, WINDOW, Halvings, Level, draw_level
from mien.types import Image

MARGIN = WINDOW // 2
"""Pixels of grey around a level: half a window, so that faces at the border of an image are found. Neighbours share
it, since no window reaches farther beyond a level."""
STEP = 64
"""Sides of canvases are multiples of this many pixels."""
SIDE = 384
"""Usual side of a canvas, on which levels of all usual sizes leave few gaps (docs/log.md). Larger levels have larger
canvases."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a level is on a canvas.

    Attributes:
        level: its number among all levels.
        left: of its margin, in pixels; even, so that P-Net's strides fall on the same pixels as on the level alone.
        top: of its margin, in pixels; even too.
    """

    level: int
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A canvas and the levels on it; its sides are in pixels."""

    width: int
    height: int
    places: tuple[Place, ...]


def room(level: Level) -> tuple[int, int]:
    """Width and height that a level takes with the margins left of it and above it, in pixels; even."""
    return level.width + MARGIN + level.width % 2, level.height + MARGIN + level.height % 2


def lay_out(levels: Sequence[Level]) -> Iterator[Mosaic]:
    """Place all levels, the highest first; the last canvas is as small as its levels allow."""
    rooms = [room(level) for level in levels]
    waiting = sorted(range(len(rooms)), key=lambda number: rooms[number][::-1], reverse=True)
    while waiting:
        needed = sum(rooms[number][0] * rooms[number][1] for number in waiting)
        for width, height in _canvases([rooms[number] for number in waiting], needed):
            mosaic, left = _fill(waiting, rooms, width, height)
            if not left:
                break
        yield mosaic
        waiting = left


def _canvases(rooms: Sequence[tuple[int, int]], needed: int) -> list[tuple[int, int]]:
    """Sizes of canvases that are worth trying, smallest first; the last one takes any of the levels."""
    sides_needed = [-(-(max(sides) + MARGIN) // STEP) * STEP for sides in zip(*rooms, strict=True)]
    width, height = (range(side, max(side, SIDE) + 1, STEP) for side in sides_needed)
    sizes = sorted(((w, h) for w in width for h in height), key=lambda size: (size[0] * size[1], size))
    return [size for size in sizes[:-1] if size[0] * size[1] >= needed] + sizes[-1:]


def _fill(
    waiting: Sequence[int], rooms: Sequence[tuple[int, int]], width: int, height: int
) -> tuple[Mosaic, list[int]]:
    """Place levels on shelves of a canvas, first fit, and say which ones found no place.

    Args:
        waiting: numbers of levels, the highest first.
        rooms: width and height of all levels.
        width: of the canvas.
        height: of the canvas.
    """
    shelves: list[list[int]] = []  # top, and how far it is filled
    right = width - MARGIN
    bottom, places, left = 0, list[Place](), list[int]()
    for number in waiting:
        across, down = rooms[number]
        shelf = next((one for one in shelves if one[1] + across <= right), None)
        if shelf is None and bottom + down + MARGIN <= height and across <= right:
            shelf = [bottom, 0]
            shelves.append(shelf)
            bottom += down
        if shelf is None:
            left.append(number)
        else:
            places.append(Place(number, shelf[1], shelf[0]))
            shelf[1] += across
    return Mosaic(width, height, tuple(places)), left


def draw(mosaic: Mosaic, levels: Sequence[Level], images: Sequence[Halvings]) -> Image:
    """The canvas with its levels: (H, W, 3) uint8 RGB, grey between them."""
    canvas = np.full((mosaic.height, mosaic.width, 3), PADDING, np.uint8)
    for place in mosaic.places:
        level = levels[place.level]
        top, left = place.top + MARGIN, place.left + MARGIN
        canvas[top : top + level.height, left : left + level.width] = draw_level(images[level.owner], level)
    return canvas


def owners(mosaic: Mosaic, levels: Sequence[Level]) -> NDArray[np.int64]:
    """The level that each window of P-Net shows: (rows, columns) its number; -1 where it shows two, or none."""
    rows, columns = ((side - WINDOW) // CELL + 1 for side in (mosaic.height, mosaic.width))
    found = np.full((rows, columns), -1, np.int64)
    for place in mosaic.places:
        width, height = (side + MARGIN for side in room(levels[place.level]))
        top, left = place.top // CELL, place.left // CELL
        bottom, right = top + (height - WINDOW) // CELL + 1, left + (width - WINDOW) // CELL + 1
        found[top:bottom, left:right] = place.level
    return found
