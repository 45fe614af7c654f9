"""Pairs that go through an open pipeline are decided as `mien verify` decides them, and each fails for itself."""

from pathlib import Path

from mien.gallery.verification import verification_threshold
from mien.pipeline import open_pipeline
from mien.verify.deciding import decide_pairs
from mien.verify.pair_list import read_pair_list


def test_a_broken_image_fails_its_pairs_alone(listed: Path) -> None:
    asked, pipeline = read_pair_list(listed), open_pipeline()
    assert pipeline.recognizer is not None
    card = pipeline.recognizer.card
    chosen = verification_threshold(card, 1e-3, None)
    decided = decide_pairs(asked.pairs, list(map(Path, asked.images)), pipeline, chosen, card)
    assert [one.pair for one in decided] == list(asked.pairs)
    assert [one.outcome for one in decided] == [
        "match", "match", "no match", "uncertain", "failed", "failed", "failed", "failed",
    ]  # fmt: skip
    assert [one.review for one in decided] == [False, False, False, True, False, False, False, False]
    third = asked.pairs[2]
    alone = decide_pairs([third], [Path(third.first), Path(third.second)], pipeline, chosen, card)
    assert [one.outcome for one in alone] == ["no match"], "a pair does not depend on the others"
