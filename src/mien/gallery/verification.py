"""Verification of two images: the face that each was taken of is compared, with a decision."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import ImageError, ScopeError
from mien.gallery.decide import Decision, verify
from mien.gallery.identity import identity_of, recognizer_of
from mien.gallery.scoping import refusal
from mien.gallery.thresholds import ChosenThreshold, choose_threshold, threshold_without_gallery
from mien.messages import Message
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import Analysis, Item, Pipeline, Policy, Refused, open_pipeline
from mien.pipeline.items import as_item
from mien.scope import Doubt, Scope, ScopePolicy, beyond, doubts_about, find_scope, scope_policy
from mien.scores import score_pairs
from mien.settings import load_settings
from mien.types import Face, Image, Score, Threshold

ONE_FACE = Policy()
"""The most prominent face is compared, and no other is embedded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedFace:
    """The face of one image that is compared.

    Attributes:
        name: the image.
        face: in pixels of the image.
        crop: (size, size, 3) uint8 RGB, as the recognizer saw it.
        others: number of other faces in the image.
        ambiguous: whether another face is about as prominent.
        scope: whether measured rates hold for it; None where the policy ignores that.
        doubts: in what it is outside, and the rates known for that.
    """

    name: str
    face: Face
    crop: Image
    others: int
    ambiguous: bool
    scope: Scope | None = None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two compared faces and the decision on them. It is true for a match alone.

    Attributes:
        first: the face of the first image.
        second: that of the second one.
        decision: on their score.
        notes: for whom the threshold holds, where a gallery chose it and that has to be said.
    """

    first: ComparedFace
    second: ComparedFace
    decision: Decision
    notes: tuple[Message, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.decision)


def compare(
    first: Path | Item,
    second: Path | Item,
    *,
    fmr: float | None = None,
    detector: str | None = None,
    recognizer: str | None = None,
    gallery: str | Path | None = None,
    scope: str | None = None,
    options: EngineOptions = DEFAULT_OPTIONS,
) -> Comparison:
    """Compare the most prominent faces of two images.

    Args:
        first: an image file, or an item made of bytes or an array.
        second: another one.
        fmr: false match rate whose threshold decides; by default the one of the settings.
        detector: a model's name or the path of its card; by default the one of the settings.
        recognizer: as detector; with a gallery, by default the gallery's own.
        gallery: path or address of a gallery whose people choose the threshold; None takes the card's.
        scope: what to do with a face for which the measured rate does not hold: "demand" refuses it, "warn" (or
            "auto") decides "uncertain", "ignore" does not look; by default the setting.
        options: engine options.

    Raises:
        ImageError: an image cannot be read, or shows no face that can be compared.
        ContractError: the gallery holds another model's embeddings.
        ScopeError: the policy demands another image.
        CardError: the recognizer has no threshold for that rate.

    Example:
        >>> mien.compare(Path("collins.jpg"), Path("door.jpg")).decision.outcome
        'match'
    """
    settings = load_settings()
    rate = settings.verification_fmr if fmr is None else fmr
    name = (recognizer or settings.recognizer) if gallery is None else recognizer_of(gallery, recognizer)
    chosen = None if gallery is None else verification_threshold(store.load(name).card, rate, gallery)
    pipeline = open_pipeline(detector or settings.detector, name, options)
    return compare_with(pipeline, first, second, rate, chosen, scope)


def verification_threshold(card: ModelCard, fmr: float, gallery: str | Path | None = None) -> ChosenThreshold:
    """The threshold that decides on pairs: of a gallery's own people, else the card's for the group of the settings.

    Raises:
        ContractError: the gallery holds another model's embeddings.
        CardError: there is no threshold for that rate.
    """
    if gallery is None:
        return threshold_without_gallery(card, fmr, load_settings().group)
    from mien.gallery.stores import open_store
    from mien.gallery.stores.base import require_identity

    opened = open_store(gallery)
    try:
        require_identity(opened, identity_of(card))
        return choose_threshold(opened, card, fmr)
    finally:
        opened.close()


def compare_with(
    pipeline: Pipeline,
    first: Path | Item,
    second: Path | Item,
    fmr: float | None = None,
    chosen: ChosenThreshold | None = None,
    scope: str | None = None,
) -> Comparison:
    """Compare two images with opened models, by a threshold that was chosen or else the card's; see compare."""
    assert pipeline.recognizer is not None
    card, metric, policy = pipeline.recognizer.card, pipeline.recognizer.spec.metric, scope_policy(scope)
    if chosen is None:
        chosen = verification_threshold(card, load_settings().verification_fmr if fmr is None else fmr)
    items = [as_item(first), as_item(second)]
    analyses = pipeline.analyse_chunk(items, cutouts=policy != "ignore", only=ONE_FACE)
    (one, a), (other, b) = (chosen_face(analysis, chosen.threshold, policy) for analysis in analyses)
    value = float(score_pairs(analyses[0].embeddings[[a]], analyses[1].embeddings[[b]], metric)[0])
    score = Score(value, card.unit, card.contract)
    return Comparison(one, other, verify(score, chosen.threshold, one.doubts + other.doubts), chosen.notes)


def chosen_face(analysis: Analysis, threshold: Threshold, policy: ScopePolicy) -> tuple[ComparedFace, int]:
    """The face that an image was taken of, and its place among the faces.

    Raises:
        ImageError: there is none.
        ScopeError: the policy demands another image.
    """
    place, alone = analysis.choose(ONE_FACE), analysis.choose(Policy("reject"))
    if isinstance(place, Refused):
        raise ImageError(place.sentence(analysis.name))
    scope = find_scope(analysis.cutouts[place], analysis.faces[place]) if analysis.cutouts else None
    doubts = () if scope is None else doubts_about(scope, threshold)
    if policy == "demand" and beyond(doubts):
        raise ScopeError(f"{analysis.name} {refusal(beyond(doubts))}")
    face = ComparedFace(
        name=analysis.name,
        face=analysis.faces[place],
        crop=np.asarray(analysis.crops[place]),
        others=len(analysis.faces) - 1,
        ambiguous=isinstance(alone, Refused),
        scope=scope,
        doubts=doubts,
    )
    return face, place
