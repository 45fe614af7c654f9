"""What a log says of itself."""

from collections.abc import Callable
from pathlib import Path

from mien.messages import Message
from mien.models import store
from mien.verify.decisions import DecisionRule, decide_pair
from mien.verify.log import DecisionLog


def test_counts_failed_images_and_the_review(made_image: Callable, made_pair: Callable, tmp_path: Path) -> None:
    card = store.load("dlib-resnet").card
    rule = DecisionRule(threshold=card.threshold(1e-3), card=card, policy="warn", band=None)
    images = {"a": made_image("a"), "b": made_image("b", problem=Message("verify.no-face.no-face"))}
    pairs = [(made_pair(2, "a", "b"), None), (made_pair(3, "b", "a"), None), (made_pair(4, "a", "a"), 0.0)]
    log = DecisionLog(
        decisions=tuple(decide_pair(pair, images, score, rule) for pair, score in pairs),
        columns=("a", "b"),
        threshold=rule.threshold,
        group="everybody",
        notes=(),
        band=None,
        rates=None,
        out=tmp_path,
        measured=2,
    )
    assert log.counts == {"match": 1, "no match": 0, "uncertain": 0, "failed": 2}
    assert list(log.failed_images) == ["b"] and log.failed_images["b"].startswith("there is no face")
    assert [one.pair.row for one in log.to_review] == [4], "an image compared with itself"
