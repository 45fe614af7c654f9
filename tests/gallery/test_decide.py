"""The one place where a score meets a threshold."""

import ast
from pathlib import Path

import pytest

from mien.errors import ContractError
from mien.gallery.decide import Candidate, accepts, identify, verify
from mien.scope import Doubt
from mien.types import Score, Threshold


def threshold(value: float, unit: str, contract: str = "c") -> Threshold:
    return Threshold(value=value, unit=unit, contract=contract, fmr=1e-3, fmr_interval=None, protocol="a test")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("score", "unit", "limit", "expected"),
    [
        (0.5, "cosine", 0.4, True),
        (0.4, "cosine", 0.4, True),
        (0.3, "cosine", 0.4, False),
        (0.3, "L2", 0.4, True),
        (0.4, "L2", 0.4, True),
        (0.5, "L2", 0.4, False),
        (0.5, "squared L2", 0.4, False),
    ],
)
def test_direction_follows_the_unit(score: float, unit: str, limit: float, expected: bool) -> None:
    value = Score(score, unit, "c")  # type: ignore[arg-type]
    assert accepts(value, threshold(limit, unit)) is expected
    decision = verify(value, threshold(limit, unit))
    assert decision.outcome == ("match" if expected else "no match")
    assert bool(decision) is expected


def test_units_are_converted_before_they_are_compared() -> None:
    assert accepts(Score(1.2, "L2", "c"), threshold(1.5, "squared L2"))
    assert not accepts(Score(1.3, "L2", "c"), threshold(1.5, "squared L2"))
    with pytest.raises(ContractError, match="unit length"):
        accepts(Score(1.2, "L2", "c"), threshold(0.3, "cosine"))


def test_another_models_threshold_is_refused() -> None:
    with pytest.raises(ContractError, match="measure a threshold for the model"):
        accepts(Score(0.5, "cosine", "c"), threshold(0.4, "cosine", "other"))


def test_identification_takes_the_best_or_nobody() -> None:
    candidates = [Candidate("An", Score(0.3, "L2", "c")), Candidate("Bình", Score(0.35, "L2", "c"))]
    known = identify(candidates, threshold(0.4, "L2"))
    assert known.subject == known.decision == "An" and known.candidates == tuple(candidates)
    assert known
    unknown = identify(candidates, threshold(0.2, "L2"))
    assert unknown.subject is None and unknown.decision == "unknown"
    assert not unknown
    assert identify([], threshold(0.4, "L2")).decision == "unknown"


DOUBT = Doubt(code="mask", value=0.9, rate=None, holds=False, fmr=None)
HOLDS = Doubt(code="grey", value=1.0, rate=None, holds=True, fmr=1e-3)


@pytest.mark.parametrize(("value", "accepted"), [(0.3, True), (0.5, False)])
def test_a_doubt_makes_a_decision_uncertain_whatever_the_score(value: float, accepted: bool) -> None:
    decision = verify(Score(value, "L2", "c"), threshold(0.4, "L2"), [HOLDS, DOUBT])
    assert decision.outcome == "uncertain" and not decision and decision.accepted is accepted
    assert decision.doubts == (HOLDS, DOUBT)
    certain = verify(Score(value, "L2", "c"), threshold(0.4, "L2"), [HOLDS])
    assert certain.outcome == ("match" if accepted else "no match") and certain.doubts == (HOLDS,)


def test_an_uncertain_identification_names_nobody_but_shows_its_candidates() -> None:
    candidates = [Candidate("An", Score(0.3, "L2", "c"))]
    found = identify(candidates, threshold(0.4, "L2"), [DOUBT])
    assert found.subject is None and not found and found.is_uncertain
    assert found.decision == "uncertain" and found.candidates == tuple(candidates)
    refused = identify(candidates, threshold(0.4, "L2"), [DOUBT], demand=True)
    assert refused.decision == "refused" and not refused and refused.candidates == () and refused.doubts == (DOUBT,)
    for demand in (False, True):
        assert identify(candidates, threshold(0.4, "L2"), [HOLDS], demand=demand).decision == "An"


def test_what_was_doubtful_when_a_sample_was_enrolled_makes_a_match_uncertain() -> None:
    candidates = [Candidate("An", Score(0.3, "L2", "c"), 7)]
    found = identify(candidates, threshold(0.4, "L2"), enrolled=[HOLDS, DOUBT])
    assert found.decision == "uncertain" and found.subject is None and not found
    assert found.rests_on == (HOLDS, DOUBT) and found.candidates == tuple(candidates) and found.doubts == ()
    demanded = identify(candidates, threshold(0.4, "L2"), enrolled=[DOUBT], demand=True)
    assert demanded.decision == "uncertain" and not demanded.refused, "another probe would not help"
    sure = identify(candidates, threshold(0.4, "L2"), enrolled=[HOLDS])
    assert sure.decision == "An" and sure.rests_on == (HOLDS,)
    stranger = identify(candidates, threshold(0.2, "L2"), enrolled=[DOUBT])
    assert stranger.decision == "unknown" and stranger.rests_on == (), "nothing rests on a score that is not accepted"


def test_doubts_do_not_hide_another_models_threshold() -> None:
    for doubts in ([], [DOUBT]):
        with pytest.raises(ContractError):
            identify([Candidate("An", Score(0.3, "L2", "other"))], threshold(0.4, "L2"), doubts)
        with pytest.raises(ContractError):
            verify(Score(0.3, "L2", "other"), threshold(0.4, "L2"), doubts)


def test_no_other_module_compares_a_threshold() -> None:
    """No comparison outside of decide.py has an operand named threshold.value or score.value."""
    root = Path(__file__).parents[2] / "src" / "mien"
    offenders = []
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                text = ast.unparse(node)
                if ("threshold.value" in text or "score.value" in text) and path.name != "decide.py":
                    offenders.append(f"{path.name}: {text}")
    assert offenders == []
    assert "score.value >= limit" in (root / "gallery" / "decide.py").read_text()
