"""Face recognition from a folder of portraits to a decision.

The names below are the Python API; importing this package opens no model and loads no engine. They are verbs with
their object, since `mien.detect` and `mien.align` are modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.api import (
        align_face,
        compare_images,
        detect_faces,
        embed_crops,
        enrol_folder,
        identify_faces,
        load_card,
    )
    from mien.errors import MienError
    from mien.gallery.gallery import Gallery
    from mien.image import read_image
    from mien.pipeline import open_pipeline

__version__ = "0.5.0"
__all__ = [
    "Gallery",
    "MienError",
    "align_face",
    "compare_images",
    "detect_faces",
    "embed_crops",
    "enrol_folder",
    "identify_faces",
    "load_card",
    "open_pipeline",
    "read_image",
]

_HOMES = {
    "align_face": "mien.api",
    "load_card": "mien.api",
    "compare_images": "mien.api",
    "detect_faces": "mien.api",
    "embed_crops": "mien.api",
    "MienError": "mien.errors",
    "Gallery": "mien.gallery.gallery",
    "read_image": "mien.image",
    "enrol_folder": "mien.api",
    "identify_faces": "mien.api",
    "open_pipeline": "mien.pipeline",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
