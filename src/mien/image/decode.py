"""Encoded bytes to an upright RGB image. Headers are read before pixels, so a file over the limits costs no memory.

JPEG is decoded by libjpeg-turbo, reduced while decoding where the caller needs no more than half of it; other formats
go through Pillow and are averaged down by whole factors. Whatever cannot be decoded whole becomes one ImageError that
names the file. A colour profile that cannot be used is ignored.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import ImageCms, ImageFile

from mien.errors import ImageError
from mien.image import jpeg
from mien.image.files import DEFAULT_LIMITS, Limits, read_bytes, read_start
from mien.image.formats import BROKEN, open_header
from mien.image.jpeg_scans import CostlyError, DamagedError, check_scans, first_scan
from mien.image.pixels import foreign_profile, orientation_of, to_rgb, to_srgb, turn, whole_factor
from mien.image.png import check_pixels
from mien.types import Image, Photo

HEADER = 256 * 1024
"""Bytes in which an image's size and orientation are stored."""

MIN_REDUCTION = 2
"""A JPEG is not reduced by less: that takes longer than decoding it in full (docs/log.md), and its pixels would not
be those of a caller who reads the image first."""

HEAVY_HEADERS = ("WEBP", "HEIF", "AVIF")
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
        kind: the format, as Pillow calls it.
        mode: the colour mode of its pixels, as Pillow calls it.
        progressive: whether it is a JPEG whose coefficients are all held while it is decoded.
        scan: where the header of a JPEG's first scan ends; 0 for other formats.
        several_scans: whether a JPEG has, or may have, more than one.
        profile: the colour profile that is converted to sRGB, or None.
        headers: the parsed header, until the first decoding takes it: Pillow leaves the pixels in it. Empty where it
            is heavy; it is parsed again then.
    """

    name: str
    data: bytes = field(repr=False)
    width: int
    height: int
    orientation: int
    kind: str
    mode: str
    progressive: bool
    scan: int
    several_scans: bool
    profile: ImageCms.ImageCmsProfile | None = field(repr=False)
    headers: list[ImageFile.ImageFile] = field(repr=False)

    @property
    def plain_jpeg(self) -> bool:
        """Whether libjpeg-turbo decodes it, reduced if asked; else Pillow does."""
        return self.kind == "JPEG" and self.mode in ("L", "RGB")

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
        result = 3 * width * height * (1 if self.orientation == 1 and self.profile is None else 2)
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
            if self.kind == "JPEG" and self.several_scans:
                width, height = self.stored
                check_scans(self.data, width=width, height=height, progressive=self.progressive)
            image = self._by_libjpeg(longest) if self.plain_jpeg else self._by_pillow(longest)
            image = turn(image, self.orientation)
        except DamagedError as reason:
            raise ImageError(
                f"{self.name} is damaged or cut off, so some of its pixels are missing: {reason}"
            ) from reason
        except CostlyError as reason:
            raise ImageError(f"{self.name} {reason}") from reason
        except BROKEN as reason:
            raise ImageError(f"{self.name} is broken or cut off: {reason or type(reason).__name__}") from reason
        return Photo(image, self.width, self.height)

    def _by_libjpeg(self, longest: int | None) -> Image:
        width, height = self.stored
        share = longest / max(width, height) if longest is not None and self._reduced(longest) else 1.0
        colours = "GRAY" if self.mode == "L" and self.profile is not None else "RGB"
        try:
            image = jpeg.decode_whole(
                self.data,
                colours,
                start=self.scan,
                min_width=round(width * share),
                min_height=round(height * share),
            )
        except jpeg.UnsupportedError:
            return self._by_pillow(None)
        return image if self.profile is None else to_srgb(image, self.profile)

    def _by_pillow(self, longest: int | None) -> Image:
        data = self._whole_cmyk() if self.kind == "JPEG" and self.mode == "CMYK" else self.data
        if self.kind == "PNG":
            check_pixels(self.data)
        kept = self.headers.pop() if self.headers else None
        opened = kept if kept and data is self.data else open_header(data, self.name)
        return to_rgb(opened, data, self.profile, self._factor(longest))

    def _whole_cmyk(self) -> bytes:
        """The bytes from which Pillow, which ignores damage, decodes a JPEG that libjpeg-turbo found whole."""
        try:
            return jpeg.whole_copy(self.data, "CMYK", start=self.scan)
        except jpeg.UnsupportedError:
            return self.data


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
    # Pillow stops reading a JPEG behind the header of its first scan.
    scan = opened.fp.tell() if opened.format == "JPEG" and opened.fp else 0
    _check_size(opened, name, limits)
    orientation = orientation_of(opened, data)
    width, height = _upright(opened, orientation)
    profile, progressive = foreign_profile(opened), bool(opened.info.get("progressive"))
    return Encoded(
        name=name,
        data=data,
        width=width,
        height=height,
        orientation=orientation,
        kind=opened.format or "",
        mode=opened.mode,
        progressive=progressive,
        scan=scan,
        several_scans=progressive or first_scan(data, scan) != len(opened.getbands()),
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
    try:
        opened = open_header(start, str(path))
    except ImageError:
        # Headers of WebP, HEIC and AVIF are only parsed in whole files.
        if len(start) < HEADER:
            raise
        start = read_bytes(path, limits)
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
