"""Checks arrays that a caller gives instead of a file. Converts nothing; a wrong one is refused with a remedy."""

from typing import Any

import numpy as np

from mien.errors import ImageError
from mien.image.files import DEFAULT_LIMITS, Limits
from mien.types import Image

WANTED = "mien takes (H, W, 3) uint8 RGB"


def check_image(image: Any, name: str = "the image", limits: Limits = DEFAULT_LIMITS) -> Image:  # noqa: ANN401
    """Return an image array as it is, in contiguous memory.

    Args:
        image: what a caller gave; (H, W, 3) uint8 RGB.
        name: what to call it in messages.
        limits: what to refuse.

    Raises:
        ImageError: it is not such an array; the message says what it is instead.
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{name} is {_kind(image)}; {WANTED}: {_remedy(image)}")
    if image.size == 0:
        raise ImageError(f"{name} is an empty array of shape {image.shape}; {WANTED}")
    if image.ndim != 3 or image.shape[2] != 3:
        raise ImageError(f"{name} has shape {image.shape}; {WANTED}{_shape_remedy(image)}")
    if image.dtype != np.uint8:
        raise ImageError(f"{name} has the type {image.dtype}; {WANTED}{_type_remedy(image)}")
    height, width = image.shape[:2]
    if width * height > limits.max_pixels:
        raise ImageError(f"{name} has {width}x{height} pixels, over the limit of {limits.max_pixels}; shrink it")
    if min(width, height) < limits.min_side:
        raise ImageError(f"{name} is {width}x{height} pixels; each side must be at least {limits.min_side} pixels")
    return np.ascontiguousarray(image)


def check_crops(crops: Any, size: int) -> Image:  # noqa: ANN401
    """Return aligned crops as one array.

    Args:
        crops: (N, size, size, 3) uint8 RGB, or a sequence of (size, size, 3); N may be 0.
        size: width and height of a crop in pixels.

    Returns:
        (N, size, size, 3) uint8 RGB.

    Raises:
        ImageError: it is something else, such as a single crop or crops of another size.
    """
    wanted = f"crops are (N, {size}, {size}, 3) uint8 RGB"
    if isinstance(crops, np.ndarray):
        if crops.ndim == 3:
            raise ImageError(f"one crop of shape {crops.shape} was given; {wanted}: pass a list with the crop in it")
        if crops.ndim != 4:
            raise ImageError(f"an array of shape {crops.shape} was given; {wanted}")
        if len(crops) and (crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8):
            raise ImageError(f"crops of shape {crops.shape} and type {crops.dtype} were given; {wanted}")
        return crops
    if not isinstance(crops, (list, tuple)):
        raise ImageError(f"{_kind(crops)} was given; {wanted}")
    for index, crop in enumerate(crops):
        shape = getattr(crop, "shape", None)
        if shape != (size, size, 3) or crop.dtype != np.uint8:
            what = _kind(crop) if shape is None else f"of shape {shape} and type {crop.dtype}"
            raise ImageError(f"crop {index} is {what}; {wanted}")
    return np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8)


def _kind(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    return f"a value of type {type(value).__name__}"


def _remedy(value: object) -> str:
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        return "read a file with mien.read_image"
    if hasattr(value, "convert") and hasattr(value, "getbands"):
        return 'convert a Pillow image with numpy.asarray(image.convert("RGB"))'
    return "read a file with mien.read_image, or give a NumPy array"


def _shape_remedy(image: np.ndarray[Any, Any]) -> str:
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        return ": repeat a grey image in three channels"
    if image.ndim == 3 and image.shape[2] == 4:
        return ": blend the alpha channel onto a background and drop it"
    if image.ndim == 3 and image.shape[0] == 3:
        return ": move the channels to the end with image.transpose(1, 2, 0)"
    if image.ndim == 4:
        return ": give one image at a time"
    return ""


def _type_remedy(image: np.ndarray[Any, Any]) -> str:
    if np.issubdtype(image.dtype, np.floating):
        low, high = float(np.nanmin(image)), float(np.nanmax(image))
        if low >= 0 and high <= 1:
            return ": its values are between 0 and 1, so multiply by 255, round, and convert to uint8"
        return f": its values are between {low:.4g} and {high:.4g}; scale them to 0..255 and convert to uint8"
    if image.dtype == np.uint16:
        return ": scale 16-bit values to 0..255 and convert to uint8"
    return ": convert it to uint8"
