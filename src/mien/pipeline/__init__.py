"""The one way of an image through the house: named stages, one policy, one budget of memory.

`items` is what goes in (a file, bytes, an array), `stages` are its steps as functions, `policy` says which face
counts, `budget` limits the decoded bytes, `isolate` keeps the fault of one image from the others, `pipeline` runs it
all on many images. Every room that needs faces of images goes through here; none decodes, detects or aligns on its
own.
"""

from mien.pipeline.budget import Budget
from mien.pipeline.isolate import isolate
from mien.pipeline.items import Item, Loaded, array_item, bytes_item, file_item
from mien.pipeline.pipeline import CHUNK, Analysis, Pipeline, open_pipeline
from mien.pipeline.policy import MultipleFaces, Policy, Refused, choose
from mien.pipeline.stages import (
    DECODED,
    Broken,
    ImageFaces,
    ReadOptions,
    Wanted,
    align_faces,
    find_faces,
    refine,
    to_decoded,
    to_source,
)

__all__ = [
    "CHUNK",
    "DECODED",
    "Analysis",
    "Broken",
    "Budget",
    "ImageFaces",
    "Item",
    "Loaded",
    "MultipleFaces",
    "Pipeline",
    "Policy",
    "ReadOptions",
    "Refused",
    "Wanted",
    "align_faces",
    "array_item",
    "bytes_item",
    "choose",
    "file_item",
    "find_faces",
    "isolate",
    "open_pipeline",
    "refine",
    "to_decoded",
    "to_source",
]
