"""Enrolment of images in memory for one subject, as files are enrolled, without keeping where they came from."""

from collections.abc import Sequence
from pathlib import Path

from mien.data.sample import Sample
from mien.gallery.gallery import ONE_PERSON, Enrolment, Gallery
from mien.gallery.scoping import card_threshold, enrolment_policy, measured
from mien.models.card import ModelCard
from mien.pipeline import Item, Pipeline


def enrol_items(
    gallery: Gallery,
    subject: str,
    items: Sequence[Item],
    pipeline: Pipeline,
    card: ModelCard,
    *,
    strict: bool = False,
    scope: str | None = None,
) -> list[Enrolment]:
    """Enrol images of one subject in one transaction; they are on disk when this returns.

    Args:
        gallery: of the card's model.
        subject: the id.
        items: images made of bytes or arrays.
        pipeline: with the card's recognizer.
        card: of the recognizer.
        strict: whether samples with a conflict are left out.
        scope: see mien.enrol.

    Returns:
        What became of each image, in order.

    Raises:
        SubjectNotFoundError: there is no such subject.
        ContractError: the gallery holds another model's embeddings.
    """
    name = gallery.store.subject(subject).name
    policy, threshold = enrolment_policy(gallery.store, scope), card_threshold(card)
    analyses = pipeline.analyse(items, cutouts=True, only=ONE_PERSON)
    scoped = list(measured(analyses, policy.scope, pipeline.workers, ONE_PERSON))
    pairs = [(Sample(Path(item.name), name), one.analysis) for item, one in zip(items, scoped, strict=True)]
    doubts = [one.doubts(threshold)[0] if one.scopes else () for one in scoped]
    return gallery.enrol(pairs, card, strict=strict, doubts=doubts, policy=policy, owner=subject, sources=False)
