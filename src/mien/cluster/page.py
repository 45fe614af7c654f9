"""The groups of an album as one self-contained page, in any language: what its template shows. Decides nothing.

The template is page.html next to this module; its sentences are in the catalogues of messages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import simplejpeg

from mien.cluster.album import Album
from mien.cluster.faces import AlbumFace
from mien.html import Thumbnail, render_page
from mien.messages import Message, Text
from mien.messages.figures import percent, score_text
from mien.settings import EVERYBODY
from mien.thumbnail import small_jpeg
from mien.units import better_is_higher

MAX_GROUPS, MAX_FACES, MAX_UNASSIGNED, MAX_FAILED = 400, 24, 200, 200
"""Groups, faces per group, unassigned faces and failed images in the page; all of them are in the files."""
MAX_SHOWN = 6000
"""Faces in the page; with more it is too large for a browser."""
SIDE = 104
"""Pixels along the longer side of a face in the page."""
DOUBTFUL = 0.93
"""Faces that are less sure get a mark: about one in ten of them is wrong (docs/guide/cluster.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFace:
    """A face in the page.

    Attributes:
        thumbnail: of it.
        title: what the pointer shows.
        certainty: in percent, or None.
        is_doubtful: whether a person should look at it.
    """

    thumbnail: Thumbnail
    title: Text
    certainty: float | None
    is_doubtful: bool


def shown_faces(album: Album) -> list[int]:
    """The faces that the page shows."""
    chosen: list[int] = []
    for group in album.grouping.groups[:MAX_GROUPS]:
        chosen += _shown_of(group.faces)
    chosen = chosen[:MAX_SHOWN]
    return chosen + [one.face for one in album.grouping.unassigned[:MAX_UNASSIGNED]]


def _shown_of(faces: tuple[int, ...]) -> tuple[int, ...]:
    """The surest faces of a group and those that are not so sure, which are those to look at."""
    half = MAX_FACES // 2
    return faces if len(faces) <= MAX_FACES else faces[:half] + faces[-half:]


def thumbnails(faces: Iterable[tuple[int, AlbumFace]], wanted: Iterable[int]) -> dict[int, bytes]:
    """Small images of some faces, by their places; the faces come with their places and images, in any order."""
    chosen = set(wanted)
    return {
        place: small_jpeg(np.asarray(simplejpeg.decode_jpeg(face.jpeg, "RGB"), np.uint8), SIDE)
        for place, face in faces
        if place in chosen
    }


def album_page(album: Album, small: Mapping[int, bytes], language: str) -> str:
    """The page as HTML.

    Args:
        album: the groups.
        small: small images of faces, by their places.
        language: of the page.
    """
    groups, unassigned = album.grouping.groups, album.grouping.unassigned
    shown = [group for group in groups[:MAX_GROUPS] if any(face in small for face in group.faces)]
    return render_page(
        "mien.cluster",
        "page.html",
        language,
        title=Message("cluster.title", {"count": len(groups)}),
        facts=_facts(album),
        groups=[
            {
                "name": group.name,
                "count": len(group.faces),
                "certainty": percent(group.certainty),
                "perhaps": None if group.perhaps is None else groups[group.perhaps].name,
                "faces": [_face(album, face, small) for face in _shown_of(group.faces) if face in small],
                "more": len(group.faces) - sum(face in small for face in _shown_of(group.faces)),
            }
            for group in shown
        ],
        more_groups=len(groups) - len(shown),
        unassigned=[_face(album, one.face, small) for one in unassigned if one.face in small],
        more_unassigned=len(unassigned) - sum(one.face in small for one in unassigned),
        failed=[*album.failed.values()][:MAX_FAILED],
        more_failed=len(album.failed) - MAX_FAILED,
        made_with=album.made_with,
    )


def _facts(album: Album) -> list[Message]:
    strict, unit = album.grouping.strictness, album.threshold.unit
    counts = album.counts
    code = "at-least" if better_is_higher(unit) else "at-most"
    found = [
        Message("cluster.images", {"count": album.images, "faces": len(album.faces), "without": album.without_face}),
        Message("cluster.counts", {"grouped": counts["faces in groups"], "alone": counts["unassigned faces"]}),
        Message(
            f"cluster.{code}",
            {
                "unit": unit,
                "found": score_text(strict.found),
                "join": score_text(strict.join),
                "found_rate": percent(strict.found_fmr),
                "join_rate": percent(strict.join_fmr),
            },
        ),
    ]
    if album.group != EVERYBODY:
        found.append(Message("verify.group", {"group": album.group}))
    return [*found, Message("cluster.certainty", {"doubtful": percent(DOUBTFUL)}), Message("cluster.enrol")]


def _face(album: Album, place: int, small: Mapping[int, bytes]) -> ShownFace:
    face, placed = album.faces[place], album.grouping.faces[place]
    name = PurePath(face.image).name
    return ShownFace(
        thumbnail=Thumbnail(small[place], face.image),
        title=name
        if not placed.doubts
        else Message("cluster.outside", {"image": name, "why": placed.doubts[0].message}),
        certainty=None if placed.certainty is None else 100 * placed.certainty,
        is_doubtful=placed.certainty is not None and (placed.certainty < DOUBTFUL or bool(placed.doubts)),
    )
