"""Faces into groups: those alike beyond doubt found them, the others join the group that they fit, or none.

Masked, small, blurred and turned faces look more like each other than like their owners, so they found no group. A
face of no group is unassigned; nobody is guessed. Reads no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.cluster.certainty import GroupMeans, certainties, certainties_of_pairs, fits, group_means
from mien.cluster.faces import AlbumFace
from mien.cluster.linkage import Vectors, as_linkage, as_scores, average_linkage, linkage_vectors
from mien.cluster.strictness import Strictness
from mien.progress import OnProgress, no_progress
from mien.rates import Indices
from mien.scope import Doubt
from mien.types import Floats
from mien.units import Metric

JOINED = 3
"""Faces of a group that others may join: a mean over fewer says hardly more than the score of a pair."""
MIN_CERTAINTY = 0.5
"""Groups that are less sure are rather wrong than right."""
PERHAPS = 3.0
"""Two groups may be one person if they would be joined at a false match rate so many times higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFace:
    """Where a face went.

    Attributes:
        face: its place among the faces.
        group: the place of its group, or None.
        certainty: that it is of the group's person, 0 to 1; None without a group.
        score: mean score to the other faces of its group; without a group, to the nearest group; None where there is
            none.
        nearest: the place of the nearest other group, or None.
        doubts: in what it is outside of the scope.
    """

    face: int
    group: int | None
    certainty: float | None
    score: float | None
    nearest: int | None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Faces that seem to be of one person.

    Attributes:
        name: what it is called until somebody names it: "person-001".
        faces: their places, the surest first.
        certainty: the share of its faces that are expected to be of one person.
        perhaps: the place of another group that may be the same person, or None.
    """

    name: str
    faces: tuple[int, ...]
    certainty: float
    perhaps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """All faces of an album in groups.

    Attributes:
        groups: the largest first.
        faces: where each face went, in their order.
        strictness: how alike faces had to be.
    """

    groups: tuple[Group, ...]
    faces: tuple[PlacedFace, ...]
    strictness: Strictness

    @property
    def unassigned(self) -> list[PlacedFace]:
        """The faces of no group."""
        return [one for one in self.faces if one.group is None]


def group_faces(
    faces: Sequence[AlbumFace],
    images: Indices,
    metric: Metric,
    strict: Strictness,
    *,
    doubts: Sequence[tuple[Doubt, ...]],
    join_outsiders: bool = True,
    min_faces: int = 2,
    on_progress: OnProgress = no_progress,
) -> Grouping:
    """Group faces.

    Args:
        faces: of all images.
        images: (N,) number of the image of each.
        metric: of their embeddings.
        strict: how alike they must be.
        doubts: in what each is outside of the scope; those that are found no group.
        join_outsiders: whether they may join one.
        min_faces: groups of fewer faces are unassigned.
        on_progress: called while faces are grouped.
    """
    if not faces:
        return Grouping(groups=(), faces=(), strictness=strict)
    vectors = linkage_vectors(np.stack([face.embedding for face in faces]), metric)
    founders = np.array([place for place, found in enumerate(doubts) if not found], np.int64)
    groups = _found(vectors, images, founders, as_linkage(strict.found, metric), on_progress)
    join = as_linkage(strict.join, metric)
    groups = _join_groups(vectors, images, groups, join, on_progress)
    outside = np.setdiff1d(np.arange(len(faces)), founders) if join_outsiders else founders[:0]
    for newcomers in (_alone(founders, groups), outside):
        _join_faces(vectors, images, groups, newcomers, join)
    kept = sorted((np.sort(members) for members in groups), key=_order)
    return _placed(vectors, kept, strict, metric, doubts, min_faces)


def _order(members: Indices) -> tuple[int, int]:
    """Large groups first, then by their first face."""
    return -len(members), int(members[0])


def _found(
    vectors: Vectors, images: Indices, founders: Indices, limit: float, on_progress: OnProgress
) -> list[Indices]:
    """Groups of faces that are alike beyond doubt."""
    owner = average_linkage(vectors.take(founders), images[founders], limit, on_progress=on_progress)
    return [founders[members] for members in _members(owner) if len(members) > 1]


def _join_groups(
    vectors: Vectors, images: Indices, groups: Sequence[Indices], limit: float, on_progress: OnProgress
) -> list[Indices]:
    """Join groups that are alike on average."""
    if len(groups) < 2:
        return list(groups)
    faces = np.concatenate(groups)
    start = np.repeat(np.arange(len(groups)), [len(members) for members in groups])
    owner = average_linkage(vectors.take(faces), images[faces], limit, start=start, on_progress=on_progress)
    return [faces[members] for members in _members(owner)]


def _members(owner: Indices) -> list[Indices]:
    order = np.argsort(owner, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(owner[order])) + 1) if len(order) else []


def _alone(founders: Indices, groups: Sequence[Indices]) -> Indices:
    grouped = np.concatenate(groups) if groups else founders[:0]
    return np.setdiff1d(founders, grouped)


def _join_faces(vectors: Vectors, images: Indices, groups: list[Indices], faces: Indices, limit: float) -> None:
    """Put each face into the group that it fits best, the best fits first; groups of two are too small to be sure."""
    places = [place for place, members in enumerate(groups) if len(members) >= JOINED]
    if not places or not len(faces):
        return
    found = fits(vectors.take(faces), np.full(len(faces), -1), group_means(vectors, [groups[p] for p in places]))
    taken = {place: set(images[groups[place]].tolist()) for place in places}
    for row in np.argsort(-found.other, kind="stable"):
        if found.other[row] < limit:
            return
        face, place = int(faces[row]), places[int(found.nearest[row])]
        if int(images[face]) not in taken[place]:
            groups[place] = np.append(groups[place], face)
            taken[place].add(int(images[face]))


def _sure(vectors: Vectors, groups: Sequence[Indices], strict: Strictness, metric: Metric) -> Floats:
    """(N,) how sure it is that each face is of its group's person; NaN for faces of no group."""
    owner = _owner(groups, len(vectors.left))
    found = fits(vectors, owner, group_means(vectors, groups))
    sure = certainties(found, strict, metric)
    pairs = [members for members in groups if len(members) == 2]
    if pairs:
        singles = len(owner) - sum(len(members) for members in groups if len(members) > 2)
        scores = as_scores(found.own[[members[0] for members in pairs]], metric)
        for members, limit in zip(pairs, certainties_of_pairs(scores, singles, strict), strict=True):
            sure[members] = np.minimum(sure[members], limit)
    return sure


def _owner(groups: Sequence[Indices], count: int) -> Indices:
    owner = np.full(count, -1, np.int64)
    for place, members in enumerate(groups):
        owner[members] = place
    return owner


def _placed(
    vectors: Vectors,
    found_groups: Sequence[Indices],
    strict: Strictness,
    metric: Metric,
    doubts: Sequence[tuple[Doubt, ...]],
    min_faces: int,
) -> Grouping:
    """Certainties and names of groups that are final; groups that are rather wrong than right are given up."""
    sure = _sure(vectors, found_groups, strict, metric)
    groups = [m for m in found_groups if len(m) >= min_faces and sure[m].mean() >= MIN_CERTAINTY]
    owner = _owner(groups, len(vectors.left))
    means = group_means(vectors, groups)
    found = fits(vectors, owner, means)
    scores = as_scores(np.where(owner >= 0, found.own, found.other), metric)
    faces = tuple(
        PlacedFace(
            face=face,
            group=int(owner[face]) if owner[face] >= 0 else None,
            certainty=float(sure[face]) if owner[face] >= 0 else None,
            score=float(scores[face]) if np.isfinite(scores[face]) else None,
            nearest=int(found.nearest[face]) if found.nearest[face] >= 0 else None,
            doubts=doubts[face],
        )
        for face in range(len(owner))
    )
    alike = _alike(means, as_linkage(strict.curve.threshold(min(0.5, strict.join_fmr * PERHAPS)), metric))
    digits = max(3, len(str(len(groups))))
    named = tuple(
        Group(
            name=f"person-{place + 1:0{digits}d}",
            faces=tuple(int(members[at]) for at in np.argsort(-sure[members], kind="stable")),
            certainty=float(sure[members].mean()),
            perhaps=alike.get(place),
        )
        for place, members in enumerate(groups)
    )
    return Grouping(groups=named, faces=faces, strictness=strict)


def _alike(means: GroupMeans, limit: float) -> dict[int, int]:
    """For each group the most similar other one, where their mean similarity reaches a limit."""
    found: dict[int, int] = {}
    for row in range(len(means.sizes)):
        scores = means.right @ means.left[row]
        scores[row] = -np.inf
        best = int(scores.argmax())
        if scores[best] >= limit:
            found[row] = best
    return found
