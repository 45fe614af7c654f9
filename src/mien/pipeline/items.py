"""What goes into the pipeline: an image as a file, as bytes, or as an array, each with a name. Decodes nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mien.image import DEFAULT_LIMITS, Limits, check_image, decode, read_bytes
from mien.types import Image, Photo


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """An image that is not read yet.

    Attributes:
        name: what to call it in messages and results; the path of a file.
        read: gives the encoded bytes or the pixels, or raises ImageError.
    """

    name: str
    read: Callable[[Limits], bytes | Image]

    def image(self, limits: Limits = DEFAULT_LIMITS) -> Image:
        """Read the image at its full size: (H, W, 3) uint8 RGB, upright.

        Raises:
            ImageError: it cannot be read.
        """
        content = self.read(limits)
        return decode(content, self.name, limits=limits).image if isinstance(content, bytes) else content


def file_item(path: Path) -> Item:
    """An image file."""
    return Item(str(path), lambda limits: read_bytes(path, limits))


def bytes_item(name: str, data: bytes) -> Item:
    """An encoded image in memory."""
    return Item(name, lambda _: data)


def array_item(name: str, image: Any) -> Item:  # noqa: ANN401 - whatever a caller gave; it is checked when read
    """A decoded image: (H, W, 3) uint8 RGB, upright; anything else is an ImageError when it is read."""
    return Item(name, lambda limits: check_image(image, name, limits))


def as_item(source: Path | Item) -> Item:
    """A path as an item; items as they are."""
    return file_item(source) if isinstance(source, Path) else source


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A decoded item, and its bytes in case a small face needs more pixels.

    Attributes:
        item: where it came from.
        data: the encoded bytes; empty for an array.
        photo: the pixels, perhaps reduced while decoding, and the size of the source.
    """

    item: Item
    data: bytes = field(repr=False)
    photo: Photo

    @property
    def sha256(self) -> str:
        """Of the encoded bytes; of shape and pixels where the item is an array."""
        if self.data:
            return hashlib.sha256(self.data).hexdigest()
        image = self.photo.image if self.photo.reduction == 1 else self.item.image()
        height, width = image.shape[:2]
        digest = hashlib.sha256(f"{width}x{height} RGB\n".encode())
        digest.update(image.tobytes())
        return digest.hexdigest()

    def in_full(self, limits: Limits = DEFAULT_LIMITS) -> "Loaded":
        """The same with all its pixels."""
        if self.data:
            return replace(self, photo=decode(self.data, self.item.name, limits=limits))
        image = self.item.image(limits)
        return replace(self, photo=Photo(image, image.shape[1], image.shape[0]))
