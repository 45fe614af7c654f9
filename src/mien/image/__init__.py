"""Bytes, a path or an array in, an upright RGB image out. The only place where image files are decoded.

`files` finds and reads files, `formats` is the table of formats, `decode` turns bytes into pixels, `jpeg`, `png` and
`netpbm` know their formats' damage, `pixels` turns colour modes into RGB, `arrays` checks what did not come from a
file.
"""

from mien.image.arrays import check_crops, check_image
from mien.image.decode import Encoded, decode, open_encoded, read_image, read_photo, read_size
from mien.image.files import DEFAULT_LIMITS, Limits, find_images, is_folder, read_bytes
from mien.image.formats import BROKEN, FORMATS, has_image_suffix, has_unread_suffix

__all__ = [
    "BROKEN",
    "DEFAULT_LIMITS",
    "FORMATS",
    "Encoded",
    "Limits",
    "check_crops",
    "check_image",
    "decode",
    "find_images",
    "has_image_suffix",
    "has_unread_suffix",
    "is_folder",
    "open_encoded",
    "read_bytes",
    "read_image",
    "read_photo",
    "read_size",
]
