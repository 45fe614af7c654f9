"""Templates of several media: one embedding for all samples of a template, as the field pools them for IJB.

The samples of one media (the frames of a video) are averaged, the averages of the media are added, and the sum is
brought to unit length (Maze, Adams, Duncan and others, ICB 2018; insightface, ijb_11.py, image2template_feature).
Samples may be weighted by the detector's score and by the norm that their embedding had. Compares nothing.
"""

from dataclasses import replace

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.scorefile import DETECTOR_SCORE, NORM, Embedded
from mien.rates import Indices
from mien.scores import is_normalized, normalize
from mien.types import Floats, floats

WEIGHTS: dict[str, tuple[str, ...]] = {
    "both": (DETECTOR_SCORE, NORM),
    "detector": (DETECTOR_SCORE,),
    "norm": (NORM,),
    "equal": (),
}
"""By name: the columns whose product weighs a sample. `both` is how published figures of IJB are made."""


def pool(embedded: Embedded, weights: str = "equal") -> Embedded:
    """Make one sample of each template.

    Args:
        embedded: with templates; a sample without a media is a media of its own.
        weights: a name of WEIGHTS.

    Returns:
        A row for each template, in the order of their first samples. `names` and `templates` are the templates'
        names, paths those of their first samples. Embeddings that are compared by cosine have unit length; of others
        the mean over media is taken, since their length matters.

    Raises:
        ManifestError: there are no templates, one has two subjects, or a weight is not known.
    """
    if not any(embedded.templates):
        raise ManifestError(
            f"{embedded.origin.source} has no column `template`, so there is nothing to pool; say in the manifest to "
            "which template each sample belongs (and in `media` to which media of it), and embed it again"
        )
    if is_normalized(embedded.origin.metric):
        raise ManifestError(
            "templates are pooled from embeddings as they are, and these are normalized by a cohort: evaluate "
            "templates without --normalize, or single samples with it (`mien evaluate mated`)"
        )
    first, template = _numbered(embedded.templates)
    media = _media_numbers(embedded, template)
    _require_one_subject(embedded, template, first)
    weight = _weight(embedded, weights)[:, None]
    if embedded.origin.metric == "cosine":
        vectors = normalize(_pooled(normalize(embedded.embeddings) * weight, media, template))
    else:
        vectors = _pooled(embedded.embeddings * weight, media, template) / _pooled(weight, media, template)
    rows = embedded.take(first)
    return replace(
        rows,
        embeddings=vectors,
        names=rows.templates,
        medias=(),
        sha256=("",) * len(rows),
        scopes=(),
        qualities={},
    )


def _pooled(values: Floats, media: Indices, template: Indices) -> Floats:
    """(T, D) the sum over each template's media of the mean over the media's samples; `values` is (N, D)."""
    order = np.argsort(media, kind="stable")
    starts = np.flatnonzero(np.diff(media[order], prepend=-1))
    means = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)
    means /= np.diff(np.append(starts, len(order)))[:, None]
    owner = template[order[starts]]
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    return floats(np.add.reduceat(means[order], starts, axis=0))


def _numbered(names: tuple[str, ...]) -> tuple[Indices, Indices]:
    """The first row of each name in the order of the rows, and the number of each row's name."""
    numbers: dict[str, int] = {}
    found = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
    return np.unique(found, return_index=True)[1].astype(np.int64), found


def _media_numbers(embedded: Embedded, template: Indices) -> Indices:
    medias = embedded.medias or ("",) * len(embedded)
    own = [media or f"\0{row}" for row, media in enumerate(medias)]
    return _numbered(tuple(f"{number}\0{media}" for number, media in zip(template.tolist(), own, strict=True)))[1]


def _require_one_subject(embedded: Embedded, template: Indices, first: Indices) -> None:
    for row, number in enumerate(template.tolist()):
        if embedded.subjects[row] != embedded.subjects[first[number]]:
            raise ManifestError(
                f"template {embedded.templates[row]} has samples of {embedded.subjects[first[number]]} and of "
                f"{embedded.subjects[row]}; a template is of one person: correct the manifest"
            )


def _weight(embedded: Embedded, name: str) -> Floats:
    """(N,) the weight of each sample."""
    if name not in WEIGHTS:
        raise ManifestError(f"there are no weights '{name}'; available: {', '.join(WEIGHTS)}")
    weight = np.ones(len(embedded), np.float32)
    for column in WEIGHTS[name]:
        values = embedded.qualities.get(column)
        if values is None or np.isnan(values).any():
            missing = len(embedded) if values is None else int(np.isnan(values).sum())
            raise ManifestError(
                f"{missing} samples of {embedded.origin.source} have no {column.replace('_', ' ')}: embed the set "
                "again with this version, or choose --weights equal"
            )
        weight *= values
    if not (weight > 0).all():
        row = int(np.argmin(weight))
        raise ManifestError(f"{embedded.names[row]} has the weight {weight[row]:g}; weights must be above 0")
    return weight
