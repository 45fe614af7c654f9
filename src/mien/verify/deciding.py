"""Decides pairs whose images go through an open pipeline, as `mien verify` does. Keeps nothing, writes no file."""

from collections.abc import Sequence
from pathlib import Path

from mien.gallery.scoping import measured
from mien.gallery.thresholds import ChosenThreshold
from mien.gallery.verification import ONE_FACE
from mien.models.card import ModelCard
from mien.pipeline import Item, Pipeline
from mien.scope import scope_policy
from mien.settings import load_settings
from mien.verify.compared_images import ComparedImage, compared_image
from mien.verify.decisions import DecisionRule, PairDecision, decide_pair, score_all_pairs
from mien.verify.pair_list import AskedPair
from mien.verify.review import FACTOR, review_band


def decide_pairs(
    pairs: Sequence[AskedPair],
    images: Sequence[Path | Item],
    pipeline: Pipeline,
    chosen: ChosenThreshold,
    card: ModelCard,
) -> list[PairDecision]:
    """Decide pairs, each for itself: an image without a face fails the pairs that it is in.

    Args:
        pairs: `first` and `second` name their images.
        images: all that the pairs name, each once; the text of a path is its name.
        pipeline: with the recognizer.
        chosen: the threshold.
        card: of the recognizer.
    """
    assert card.embedding is not None
    settings, scope = load_settings(), scope_policy(None)
    analyses = pipeline.analyse(images, cutouts=True, only=ONE_FACE)
    found = [compared_image(one, (0, 0)) for one in measured(analyses, scope, pipeline.workers, ONE_FACE)]
    known: dict[str, ComparedImage] = {one.path: one for one in found}
    band = review_band(chosen.threshold, card, settings.group, FACTOR)
    rule = DecisionRule(threshold=chosen.threshold, card=card, policy=scope, band=band)
    scores = score_all_pairs(pairs, known, card.embedding.metric, {})
    return [decide_pair(pair, known, scores.get(pair.row), rule) for pair in pairs]
