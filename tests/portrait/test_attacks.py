"""Rates of attacks against plain loops over the same presentations, and folders read as a user lays them out."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.errors import AuditError
from mien.portrait.attacks import AttackResult, Presentation, evaluate_attacks, list_presentations
from mien.types import Image


def made(seed: int) -> tuple[Presentation, ...]:
    """Presentations of three kinds and of living faces, some without an answer, scores with ties."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(400):
        kind = ("", "", "print", "screen", "mask")[int(draw.integers(5))]
        level = {"": 0.7, "print": 0.2, "screen": 0.5, "mask": 0.35}[kind]
        score = None if draw.random() < 0.05 else round(float(np.clip(draw.normal(level, 0.2), 0, 1)), 2)
        subject = f"{kind}/{int(draw.integers(30))}"
        found.append(Presentation(path=f"{number}.jpg", kind=kind, subject=subject, score=score))
    return tuple(found)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_rates_are_those_of_a_plain_loop(seed: int, threshold: float) -> None:
    result = AttackResult(threshold=threshold, presentations=made(seed))
    assert result.kinds == ("mask", "print", "screen")
    for one in (result.bona_fide, *result.attacks):
        wrong = answered = silent = 0
        for each in result.presentations:
            if each.kind != one.kind:
                continue
            if each.score is None:
                silent += 1
                continue
            answered += 1
            passes = each.score >= threshold
            wrong += passes if one.kind else not passes
        assert one.rate.value == pytest.approx(wrong / answered)
        assert one.rate.count == answered
        assert one.no_answer.value == pytest.approx(silent / (silent + answered))
        assert one.rate.low <= one.rate.value <= one.rate.high


@pytest.mark.parametrize("seed", range(4))
def test_at_a_wanted_rate_no_kind_passes_more_often_and_no_lower_threshold_keeps_it(seed: int) -> None:
    result = AttackResult(threshold=0.5, presentations=made(seed))

    def worst(threshold: float) -> float:
        shares = []
        for kind in result.kinds:
            scores = [one.score for one in result.presentations if one.kind == kind and one.score is not None]
            shares.append(sum(score >= threshold for score in scores) / len(scores))
        return max(shares)

    living = [one.score for one in result.presentations if not one.kind and one.score is not None]
    for row in result.fixed:
        assert worst(row.threshold) <= row.wanted
        assert worst(math.nextafter(row.threshold, 0)) > row.wanted
        assert row.bpcer == pytest.approx(sum(score < row.threshold for score in living) / len(living))


def test_images_of_one_subject_widen_the_interval() -> None:
    alone = [Presentation(path=f"{i}", kind="print", subject=f"{i}", score=float(i % 4 == 0)) for i in range(80)]
    alone += [Presentation(path="x", kind="", subject="x", score=1.0)]
    together = [
        Presentation(
            path=one.path, kind=one.kind, subject=f"{one.kind}{int(one.path) % 8 if one.kind else 0}", score=one.score
        )
        for one in alone
    ]
    (by_image,), (by_subject,) = (
        AttackResult(threshold=0.5, presentations=tuple(x)).attacks for x in (alone, together)
    )
    assert by_image.rate.value == by_subject.rate.value == 0.25
    assert by_subject.rate.high - by_subject.rate.low > 1.5 * (by_image.rate.high - by_image.rate.low)


@pytest.fixture
def doors(tmp_path: Path, hopper: Image, write: Callable[..., Path]) -> Path:
    """Two living faces of one person, two prints of which one is bright, a screen, and a screen without a face."""
    root = tmp_path / "doors"
    for name, light in (
        ("bona-fide/Grace/1", 1.0),
        ("bona-fide/Grace/2", 0.9),
        ("attack-print/1", 0.4),
        ("attack-print/2", 1.0),
        ("attack-screen/1", 0.35),
    ):
        write(root / f"{name}.jpg", (hopper * light).astype(np.uint8))
    write(root / "attack-screen/wall.jpg", np.full((200, 200, 3), 90, np.uint8))
    return root


@pytest.fixture
def live(tmp_path: Path, by_brightness: bytes) -> str:
    """A network for which bright faces are living ones."""
    (tmp_path / "live.onnx").write_bytes(by_brightness)
    words = ["--expert", "liveness", "--colour", "BGR", "--mean", "0", "--scale", "1", "--name", "bright-live"]
    assert run(["models", "add", str(tmp_path / "live.onnx"), *words]) == 0
    return "bright-live"


def test_folders_are_read_measured_and_told_apart(doors: Path, live: str) -> None:
    found = evaluate_attacks(doors, portrait_models=[live])
    assert [(one.path, one.kind, one.subject) for one in found.presentations] == [
        ("attack-print/1.jpg", "print", "attack-print/1.jpg"),
        ("attack-print/2.jpg", "print", "attack-print/2.jpg"),
        ("attack-screen/1.jpg", "screen", "attack-screen/1.jpg"),
        ("attack-screen/wall.jpg", "screen", "attack-screen/wall.jpg"),
        ("bona-fide/Grace/1.jpg", "", "bona-fide/Grace"),
        ("bona-fide/Grace/2.jpg", "", "bona-fide/Grace"),
    ]
    assert [(one.kind, one.rate.value) for one in found.attacks] == [("print", 0.5), ("screen", 0.0)]
    assert (found.bona_fide.rate.value, found.attacks[1].no_answer.value) == (0.0, 0.5)
    assert found.presentations[3].error == "no face was found"


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ((), "has no folders"),
        (("bona-fide",), "needs bona-fide/ and attack-KIND/"),
        (("attack-print",), "needs bona-fide/"),
        (("bona-fide", "attack-print", "prints"), "nothing else; has attack-print, bona-fide, prints"),
        (("bona-fide", "attack-"), "attack-KIND/"),
        (("bona-fide", "attack-print"), "attack-print holds no images"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, folders: tuple[str, ...], message: str) -> None:
    for name in folders:
        (tmp_path / "set" / name).mkdir(parents=True)
    (tmp_path / "set").mkdir(exist_ok=True)
    with pytest.raises(AuditError, match=message):
        list_presentations(tmp_path / "set")


def test_a_model_of_liveness_is_needed(doors: Path) -> None:
    with pytest.raises(AuditError, match="name a model of liveness"):
        evaluate_attacks(doors, portrait_models=[])
