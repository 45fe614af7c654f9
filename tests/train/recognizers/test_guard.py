"""The forgetting guard: when a fine-tuned model may be called better."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.evaluate.differences import ComparedPoint, Difference  # noqa: E402
from mien.messages import text_of  # noqa: E402
from mien.rates import Estimate  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recognizers.guard import (  # noqa: E402
    Compared,
    GuardResult,
    apply_guard,
    read_sentences,
    require_judgeable,
    save_sentences,
)
from mien.train.recognizers.recipe import RecognizerEvaluate, RecognizerRecipe  # noqa: E402
from mien.train.recognizers.validation import ValidationSet, embeddings_path, save_embeddings  # noqa: E402


def row(name: str, role: str, value: float, reach: float) -> Compared:
    rate = Estimate(0.1, 0.05, 0.15, 100)
    change = Difference(value, value - reach, value + reach)
    return Compared(name, role, ComparedPoint(1e-3, (0.3, 0.3), (rate, rate), (rate, rate), change))


@pytest.mark.parametrize(
    ("own", "general", "verdict"),
    [
        ([(-0.05, 0.01)], [(0.001, 0.003)], "better"),
        # An interval that reaches zero shows no gain, and one that reaches beyond what is allowed excludes no loss.
        ([(-0.01, 0.01)], [(0.0, 0.003)], "no gain shown"),
        ([(-0.05, 0.01)], [(0.001, 0.01)], "loss not excluded"),
        ([(-0.05, 0.01)], [(0.02, 0.01)], "lost too much"),
        ([(-0.005, 0.01)], [(-0.1, 0.01)], "no gain shown"),
        ([(-0.05, 0.01)], [(0.0, 0.005)], "better"),
        # Every own set counts: one gained, another fell by 80 points.
        ([(-0.05, 0.01), (0.8, 0.1)], [(0.0, 0.003)], "lost own"),
        ([(-0.05, 0.01), (0.005, 0.01)], [(0.0, 0.003)], "better"),
        # Nobody looked at a general set, or at an own one.
        ([(-0.05, 0.01)], [], "general not seen"),
        ([], [(0.0, 0.003)], "no gain shown"),
    ],
)
def test_the_guards_verdict(own: list[tuple[float, float]], general: list[tuple[float, float]], verdict: str) -> None:
    rows = [row(f"mine {number}", "own", *one) for number, one in enumerate(own)]
    rows += [row(f"all {number}", "general", *one) for number, one in enumerate(general)]
    judged = GuardResult(tuple(rows), allowed=0.005)
    assert judged.verdict == verdict
    sentences = [one.text("en") for one in judged.sentences()]
    assert ("NOT better" in sentences[0]) == (verdict != "better")
    assert ("KHÔNG tốt hơn" in judged.sentences()[0].text("vi")) == (verdict != "better")
    assert any("no set has the role general" in one for one in sentences) == (not general)
    assert any("no set has the role own" in one for one in sentences) == (not own)
    assert judged.numbers()["better"].value == (verdict == "better")


def test_a_set_of_too_few_people_neither_gains_nor_keeps() -> None:
    own = row("mine", "own", -0.5, 0.01)
    few = replace(own, point=replace(own.point, difference=replace(own.point.difference, missing=4)))
    assert GuardResult((few, row("all", "general", 0.0, 0.003)), allowed=0.005).verdict == "no gain shown"
    general = replace(few, name="all", role="general")
    assert GuardResult((own, general), allowed=0.005).verdict == "loss not excluded"
    number = GuardResult((few,), allowed=0.005).numbers()["mine/fnmr difference"]
    assert (number.low, number.high, number.missing_people) == (None, None, 4)


SUBJECTS = tuple(f"s{number:02d}" for number in range(60) for _ in range(3))


def embed_subjects(spread: float, seed: int) -> np.ndarray:
    """Three embeddings per subject around a centre of its own."""
    centres = np.random.default_rng(1).normal(size=(60, 32)).repeat(3, axis=0)
    noise = np.random.default_rng(seed).normal(size=(180, 32))
    return (centres + spread * noise).astype(np.float32)


def guarded(folder: Path, role: str, before: float, after: float, **guard: float) -> GuardResult | None:
    """What the guard says of a set whose embeddings were spread so far before and after."""
    settings = RecognizerEvaluate(name="set", set=Path("x"), role=role)
    for when, spread in (("before", before), ("after", after)):
        save_embeddings(embed_subjects(spread, 2 if when == "before" else 3), embeddings_path(folder, "set", when))
    recipe = parse_recipe(shortest_recipe(init={"weights": "x"}, guard=guard), "r")
    assert isinstance(recipe, RecognizerRecipe)
    names = tuple(map(str, range(180)))
    return apply_guard(recipe, folder, [ValidationSet(settings, names, SUBJECTS, (), ())])


def test_a_gain_on_ones_own_set_is_seen_and_its_reverse_is_a_loss(tmp_path: Path) -> None:
    assert guarded(tmp_path, "own", before=1.6, after=0.8).verdict == "general not seen"  # type: ignore[union-attr]
    assert guarded(tmp_path, "own", before=0.8, after=1.6).verdict == "lost own"  # type: ignore[union-attr]
    assert guarded(tmp_path, "general", before=0.8, after=1.6).verdict == "lost too much"  # type: ignore[union-attr]
    watched = guarded(tmp_path, "watch", before=0.8, after=1.6)
    assert watched is not None and watched.rows == ()
    assert [one.text("en")[:12] for one in watched.sentences()] == ["The guard: N", "Not looked a", "Not looked a"]


def test_the_recipe_says_how_much_may_be_lost_and_at_which_rate(tmp_path: Path) -> None:
    for fmr in (1e-1, 1e-2):
        found = guarded(tmp_path, "general", before=0.8, after=1.6, fmr=fmr, allowed=1.0)
        assert found is not None and found.rows[0].point.wanted == fmr
        assert found.allowed == 1.0 and found.verdict == "no gain shown"
        assert f"FMR {fmr:g}" in found.sentences()[1].text("en")
        table = {
            text_of(name, "en"): cell for name, cell in zip(found.table().columns, found.table().rows[0], strict=True)
        }
        assert text_of(table["FMR"], "en") == f"{fmr:g}" and text_of(table["role"], "en") == "general"


def test_the_verdict_has_its_reasons(tmp_path: Path) -> None:
    judged = GuardResult((row("mine", "own", -0.05, 0.01), row("all", "general", 0.02, 0.01)), allowed=0.005)
    assert [sentence.text("en") for sentence in judged.sentences()] == [
        "The guard: NOT better. A general set lost more than the allowed 0.50 points of false non-matches, beyond "
        "the interval.",
        "mine (own), at FMR 0.001: FNMR 10.00% (5.00% to 15.00%) before, 10.00% (5.00% to 15.00%) after; "
        "-5.00 points (-6.00 to -4.00).",
        "all (general), at FMR 0.001: FNMR 10.00% (5.00% to 15.00%) before, 10.00% (5.00% to 15.00%) after; "
        "+2.00 points (+1.00 to +3.00).",
    ]
    assert judged.sentences()[1].text("vi") == (
        "mine (riêng), tại FMR 0,001: FNMR trước 10,00% (5,00% đến 15,00%), sau 10,00% (5,00% đến 15,00%); "
        "-5,00 điểm phần trăm (-6,00 đến -4,00)."
    )
    assert "at most 20 samples per subject" in text_of(judged.table().note, "en")


def test_the_sentences_are_kept_in_no_language(tmp_path: Path) -> None:
    judged = GuardResult((row("mine", "own", -0.05, 0.01),), allowed=0.005)
    assert read_sentences(tmp_path) == []
    save_sentences(judged, tmp_path)
    assert tuple(read_sentences(tmp_path)) == judged.sentences()


def test_a_training_from_scratch_has_nothing_to_guard(tmp_path: Path) -> None:
    recipe = parse_recipe(shortest_recipe(), "r")
    assert isinstance(recipe, RecognizerRecipe) and apply_guard(recipe, tmp_path, []) is None


def test_a_difference_that_is_no_number_is_no_proof_that_nothing_was_lost() -> None:
    rows = row("mine", "own", -0.05, 0.01), row("all", "general", float("nan"), 0.01)
    assert GuardResult(rows, allowed=0.005).verdict == "loss not excluded"


@pytest.mark.parametrize(
    ("subjects", "remedy"),
    [
        (("",) * 20, "compares by subject, which x does not have: use a pack, or remove the role"),
        (tuple(map(str, range(20))), "no person of x has two photographs"),
        (("a", "a", "b"), "its 2 people make 2 non-mated comparisons, too few"),
    ],
)
def test_a_set_that_cannot_be_judged_is_refused_before_the_first_step(subjects: tuple[str, ...], remedy: str) -> None:
    recipe = parse_recipe(shortest_recipe(init={"weights": "x"}), "r")
    assert isinstance(recipe, RecognizerRecipe)
    for role in ("own", "general"):
        settings = RecognizerEvaluate(name="set", set=Path("x"), role=role)
        with pytest.raises(RecipeError, match=f"set has the role {role}.*{remedy}"):
            require_judgeable(recipe, [ValidationSet(settings, subjects, subjects, (), ())])
    watched = RecognizerEvaluate(name="set", set=Path("x"), role="watch")
    require_judgeable(recipe, [ValidationSet(watched, subjects, subjects, (), ())])
