"""Encoded bytes to an upright RGB image. Headers are read before pixels, so a file over the limits costs no memory.

JPEG is decoded by libjpeg-turbo, reduced while decoding where the caller needs no more than half of it; other formats
go through Pillow and are averaged down by whole factors. Whatever cannot be decoded whole becomes one ImageError that
names the file.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import ImageCms, ImageFile

from mien.errors import ImageError
from mien.image.files import DEFAULT_LIMITS, Limits, read_bytes, read_start
from mien.image.formats import BROKEN, open_header
from mien.image.pixels import foreign_profile, orientation_of, to_rgb, turn, whole_factor
from mien.types import Image, Photo

HEADER = 256 * 1024
"""Bytes in which an image's size and orientation are stored."""

MIN_REDUCTION = 2
"""A JPEG is not reduced by less: that takes longer than decoding it in full (docs/log.md), and its pixels would not
be those of a caller who reads the image first."""

HEAVY_HEADERS = ("WEBP", "HEIF")
"""Formats of Pillow whose parsed header holds room for the pixels, or the whole file again."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Encoded:
    """An image file whose header was read and whose pixels were not.

    Attributes:
        name: for messages.
        data: the whole file.
        width: width in pixels of the upright image.
        height: height in pixels of the upright image.
        orientation: EXIF orientation, 1 to 8.
        plain_jpeg: whether libjpeg-turbo decodes it, reduced if asked; else Pillow does.
        progressive: whether it is a JPEG whose coefficients are all held while it is decoded.
        profile: the colour profile that is converted to sRGB, or None.
        headers: the parsed header, until the first decoding takes it: Pillow leaves the pixels in it. Empty where it
            is heavy; it is parsed again then.
    """

    name: str
    data: bytes = field(repr=False)
    width: int
    height: int
    orientation: int
    plain_jpeg: bool
    progressive: bool
    profile: ImageCms.ImageCmsProfile | None = field(repr=False)
    headers: list[ImageFile.ImageFile] = field(repr=False)

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height in the file, before the turn."""
        return (self.width, self.height) if self.orientation < 5 else (self.height, self.width)

    def size(self, longest: int | None) -> tuple[int, int]:
        """Bound the width and height of the decoded image, in pixels.

        Args:
            longest: the longer side may be decoded this small, never smaller; None decodes the full size.
        """
        width, height = self.width, self.height
        if not self.plain_jpeg:
            factor = self._factor(longest)
            return width // factor, height // factor
        if longest is None or not self._reduced(longest):
            return width, height
        share = _eighths(max(width, height), longest) / 8
        return int(np.ceil(width * share)), int(np.ceil(height * share))

    def _reduced(self, longest: int) -> bool:
        """Whether libjpeg-turbo reduces it."""
        return max(self.width, self.height) >= MIN_REDUCTION * longest

    def _factor(self, longest: int | None) -> int:
        return whole_factor(self.width, self.height, longest)

    def held_bytes(self, longest: int | None) -> int:
        """Bytes that the file and its decoded pixels take."""
        width, height = self.size(longest)
        return len(self.data) + 3 * width * height

    def peak_bytes(self, longest: int | None) -> int:
        """Bytes that are taken while it is decoded: the result, and what the decoder holds besides."""
        width, height = self.size(longest)
        result = 3 * width * height * (1 if self.orientation == 1 else 2)
        if self.plain_jpeg:
            return result + (3 * self.width * self.height if self.progressive else 0)
        return result + 4 * self.width * self.height

    def decode(self, longest: int | None = None) -> Photo:
        """Decode the first frame.

        Args:
            longest: the image will be shrunk to at most this many pixels along its longer side, so it may be decoded
                smaller, but never below this; None decodes the full size.

        Returns:
            The upright RGB image and the size of the image in the file. Transparent pixels are blended onto white.

        Raises:
            ImageError: the pixels are cut off or broken.
        """
        try:
            image = self._reduced_jpeg(longest) if self.plain_jpeg else self._by_pillow(longest)
            image = turn(image, self.orientation)
        except BROKEN as reason:
            raise ImageError(f"{self.name} is broken or cut off: {reason}") from reason
        return Photo(image, self.width, self.height)

    def _reduced_jpeg(self, longest: int | None) -> Image:
        width, height = self.stored
        share = longest / max(width, height) if longest is not None and self._reduced(longest) else 1.0
        try:
            image = simplejpeg.decode_jpeg(
                self.data,
                "RGB",
                fastdct=False,
                fastupsample=False,
                min_width=round(width * share),
                min_height=round(height * share),
                min_factor=1,
            )
        except ValueError:
            # libjpeg-turbo warns of stray bytes between markers, which harm nothing, in the same way as of
            # missing data; Pillow distinguishes the two.
            return self._by_pillow(None)
        return np.asarray(image, np.uint8)

    def _by_pillow(self, longest: int | None) -> Image:
        opened = self.headers.pop() if self.headers else open_header(self.data, self.name)
        return to_rgb(opened, self.data, self.profile, self._factor(longest))


def _eighths(side: int, longest: int) -> int:
    """Eighths of a side to which libjpeg-turbo reduces: the fewest that are not below `longest`."""
    return next(eighths for eighths in range(1, 9) if side * eighths >= longest * 8)


def open_encoded(data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Encoded:
    """Read the header of an encoded image.

    Args:
        data: the whole file.
        name: what to call it in messages.
        limits: what to refuse.

    Raises:
        ImageError: empty, over a limit, of no known format, or with a broken header.
    """
    if not data:
        raise ImageError(f"{name} is empty")
    if len(data) > limits.max_bytes:
        raise ImageError(f"{name} has {len(data)} bytes, over the limit of {limits.max_bytes}; shrink the image")
    opened = open_header(data, name)
    _check_size(opened, name, limits)
    orientation = orientation_of(opened, data)
    width, height = _upright(opened, orientation)
    profile = foreign_profile(opened)
    return Encoded(
        name=name,
        data=data,
        width=width,
        height=height,
        orientation=orientation,
        plain_jpeg=opened.format == "JPEG" and opened.mode in ("L", "RGB") and profile is None,
        progressive=bool(opened.info.get("progressive")),
        profile=profile,
        # Without tiles the pixels are in the header already: those of a PNG whose metadata follows them.
        headers=[opened] if opened.tile and opened.format not in HEAVY_HEADERS else [],
    )


def decode(data: bytes, name: str, *, longest: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Decode the first frame of an encoded image; see open_encoded and Encoded.decode."""
    return open_encoded(data, name, limits).decode(longest)


def read_image(path: Path | str, limits: Limits = DEFAULT_LIMITS) -> Image:
    """Read an image file at its full size.

    Args:
        path: the file; a name that is stored in another Unicode normal form is found too.
        limits: what to refuse.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        ImageError: the file is missing, a folder, too large, of no known format, or broken.

    Example:
        >>> mien.read_image("collins.jpg").shape
        (512, 512, 3)
    """
    return read_photo(Path(path), limits=limits).image


def read_photo(path: Path, *, longest: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Photo:
    """Read an image file, reduced while decoding where that is allowed; see Encoded.decode."""
    return decode(read_bytes(path, limits), str(path), longest=longest, limits=limits)


def read_size(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Read the width and height of the upright image in a file from its header.

    Raises:
        ImageError: missing, over the limit on pixels, of no known format, or with a broken header.
    """
    start = read_start(path, HEADER)
    opened = open_header(start, str(path))
    _check_size(opened, str(path), limits)
    return _upright(opened, orientation_of(opened, start))


def _upright(opened: ImageFile.ImageFile, orientation: int) -> tuple[int, int]:
    width, height = opened.size
    return (width, height) if orientation < 5 else (height, width)


def _check_size(opened: ImageFile.ImageFile, name: str, limits: Limits) -> None:
    width, height = opened.size
    if width * height > limits.max_pixels:
        raise ImageError(f"{name} has {width}x{height} pixels, over the limit of {limits.max_pixels}; shrink it")
    if min(width, height) < limits.min_side:
        raise ImageError(f"{name} is {width}x{height} pixels; each side must be at least {limits.min_side} pixels")
