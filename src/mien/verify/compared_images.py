"""What is known of one image of a pair: its face, its scope, its embedding, or why it has none; and that as a row.

Takes it from what went through the pipeline, and writes and reads rows of a table. Compares nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.data.work_folder import Stamp
from mien.gallery.scoping import Scoped
from mien.gallery.verification import ONE_FACE
from mien.messages import Message, Text
from mien.pipeline import Policy, Refused
from mien.scope import Scope
from mien.thumbnail import small_jpeg
from mien.types import Floats, floats

SHOWN = 208
"""Pixels along the longer side of a face in the page."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedImage:
    """One image of a pair.

    Attributes:
        path: the file.
        stamp: of the file before it was read.
        sha256: of its bytes; empty where it could not be read.
        problem: why it has no face that can be compared; None where it has one.
        box: of the face that is compared: x1, y1, x2, y2 in pixels of the image.
        others: number of other faces in the image.
        ambiguous: whether another face is about as prominent.
        scope: whether measured rates hold for the face; None where the policy ignores that.
        jpeg: the face with its surroundings, for the page.
        embedding: (D,) float32; None where there is no face, or where the decisions are made already.
    """

    path: str
    stamp: Stamp
    sha256: str = ""
    problem: Text | None = None
    box: tuple[float, float, float, float] | None = None
    others: int = 0
    ambiguous: bool = False
    scope: Scope | None = None
    jpeg: bytes = b""
    embedding: Floats | None = None

    def without_embedding(self) -> "ComparedImage":
        """The same without what a person could be searched by."""
        return replace(self, embedding=None)


def compared_image(scoped: Scoped, stamp: Stamp) -> ComparedImage:
    """What is known of an image that was analysed with cutouts."""
    analysis = scoped.analysis
    known = ComparedImage(path=analysis.name, stamp=stamp, sha256=analysis.sha256)
    place, alone = analysis.choose(ONE_FACE), analysis.choose(Policy("reject"))
    if isinstance(place, Refused):
        return replace(known, problem=_problem(place))
    face = analysis.faces[place]
    cutout = np.rot90(analysis.cutouts[place].image, -(face.turn // 90))
    x1, y1, x2, y2 = (round(float(edge), 1) for edge in face.box.corners)
    return replace(
        known,
        box=(x1, y1, x2, y2),
        others=len(analysis.faces) - 1,
        ambiguous=isinstance(alone, Refused),
        scope=scoped.scopes[0] if scoped.scopes else None,
        jpeg=small_jpeg(np.ascontiguousarray(cutout), SHOWN),
        embedding=np.asarray(analysis.embeddings[place], np.float32),
    )


def _problem(refused: Refused) -> Text:
    """Why there is no face, in every language; what is wrong with a file is said as it was found."""
    return (
        refused.detail
        if refused.status == "broken"
        else Message(f"verify.no-face.{refused.status.replace(' ', '-')}")
    )


def as_row(image: ComparedImage) -> dict[str, Any]:
    """An image as a row of a table; see from_row."""
    scope = None if image.scope is None else {"values": dict(image.scope.values), "outside": image.scope.outside}
    problem = image.problem.as_json() if isinstance(image.problem, Message) else image.problem
    return {
        "path": image.path,
        "bytes": image.stamp[0],
        "changed": image.stamp[1],
        "known": json.dumps(
            {
                "sha256": image.sha256,
                "problem": problem,
                "box": image.box,
                "others": image.others,
                "ambiguous": image.ambiguous,
                "scope": scope,
            }
        ),
        "jpeg": image.jpeg,
        "embedding": None if image.embedding is None else image.embedding.tolist(),
    }


def from_row(row: Mapping[str, Any]) -> ComparedImage:
    """The image that as_row wrote."""
    known, embedding = json.loads(row["known"]), row["embedding"]
    problem, scope, box = known["problem"], known["scope"], known["box"]
    return ComparedImage(
        path=row["path"],
        stamp=(row["bytes"], row["changed"]),
        sha256=known["sha256"],
        problem=Message.from_json(problem) if isinstance(problem, dict) else problem,
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        others=known["others"],
        ambiguous=known["ambiguous"],
        scope=None if scope is None else Scope(scope["values"], tuple(scope["outside"])),
        jpeg=row["jpeg"] or b"",
        embedding=None if embedding is None else floats(embedding),
    )
