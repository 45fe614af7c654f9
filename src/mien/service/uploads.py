"""Images of a request at the door: their headers are read, their pixels counted, and they get names to be called by.

A name is that of the field, such as "first" or "images[2]"; file names of clients are not used. Decodes no pixels.
"""

from starlette.requests import Request

from mien.errors import ImageError
from mien.image import Limits as ImageLimits
from mien.image import open_encoded
from mien.service.capacity import Seat
from mien.service.config import MIN_SIDE, Limits
from mien.service.engines import SizedItem
from mien.service.errors import ServiceError


def sized(request: Request, **images: bytes) -> list[SizedItem]:
    """The images of a request by their fields, counted in its seat.

    Raises:
        ImageError: one of them is not an image.
        ServiceError: one has too many bytes or pixels, or the service is busy.
    """
    return [size(request, name, data) for name, data in images.items()]


def size(request: Request, name: str, data: bytes) -> SizedItem:
    """One image; see sized."""
    limits: Limits = request.app.state.config.limits
    seat: Seat = request.state.seat
    if len(data) > limits.image_bytes:
        message = f"{name} has {len(data)} bytes, over the limit of {limits.image_bytes}: shrink the image"
        raise ServiceError(413, "too_large", message)
    # The header alone is read here; the limit on pixels is looked at below, to answer it with its own status.
    opened = open_encoded(data, name, ImageLimits(max_bytes=limits.image_bytes, max_pixels=2**62, min_side=1))
    pixels = opened.width * opened.height
    if pixels > limits.image_pixels:
        message = (
            f"{name} has {opened.width}x{opened.height} pixels, over the limit of {limits.image_pixels}: shrink it"
        )
        raise ServiceError(413, "too_large", message)
    if min(opened.width, opened.height) < MIN_SIDE:
        raise ImageError(f"{name} is {opened.width}x{opened.height} pixels; each side needs {MIN_SIDE} pixels")
    seat.add(pixels=pixels)
    return SizedItem(name, lambda _: data, pixels)


def refuse_crowds(name: str, faces: int, limits: Limits) -> None:
    """Refuse an image with more faces than the service takes."""
    if faces > limits.faces:
        message = f"{name} shows {faces} faces, over the limit of {limits.faces}: crop it into parts"
        raise ServiceError(413, "too_many_faces", message)
