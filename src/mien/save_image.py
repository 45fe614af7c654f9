"""Encodes images into files that nobody reads yet. Reads nothing, draws nothing, and names nothing."""

from pathlib import Path

from PIL import Image as Pillow

from mien.types import Image

QUALITY = 90
"""Of JPEG files."""


def encode_to(path: Path, image: Image) -> None:
    """Write (H, W, 3) uint8 RGB as PNG or JPEG, by the ending of the path, which is a scratch path."""
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    Pillow.fromarray(image).save(path, kind, quality=QUALITY)
