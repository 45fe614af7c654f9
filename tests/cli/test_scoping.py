"""How verbs show the scope of a face."""

from mien.cli import scoping
from mien.gallery.decide import Candidate, Identification, identify
from mien.scope import Doubt, KnownRate, Scope
from mien.types import Score, Threshold

MASK = Doubt(code="mask", value=0.9, rate=KnownRate(0.17, 0.1, 0.2), holds=False, fmr=1e-3)
GREY = Doubt(code="grey", value=1.0, rate=KnownRate(1e-3, 5e-4, 2e-3), holds=True, fmr=1e-3)
DARK = Doubt(code="tones", value=2.0, rate=None, holds=True, fmr=None)
THRESHOLD = Threshold(value=0.4, unit="L2", contract="c", fmr=1e-3, fmr_interval=None, protocol="a test")


def found(*enrolled: Doubt) -> Identification:
    return identify([Candidate("An", Score(0.3, "L2", "c"), 7)], THRESHOLD, enrolled=enrolled)


def test_the_scope_of_a_face_as_json() -> None:
    scope = Scope({"mask": 0.91234, "size": 80.0}, ("mask",))
    assert scoping.as_json(scope, [MASK], "en") == {
        "values": {"mask": 0.912, "size": 80.0},
        "outside": [
            {
                "code": "mask",
                "fmr": 0.17,
                "fmr_interval": [0.1, 0.2],
                "holds": False,
                "reason": "the lower face is covered: 17% (10% to 20%) of such strangers match, "
                "where 0.1% of others do",
            }
        ],
    }
    assert scoping.as_json(None, [MASK], "en") is None


def test_aspects_are_named_in_a_cell() -> None:
    assert scoping.cell([MASK, GREY], "en") == "mask, grey" and scoping.cell([MASK], "vi") == "khẩu trang"


def test_reasons_are_what_a_better_image_would_change() -> None:
    """Where the rate holds there is no doubt."""
    first, second = scoping.reasons([MASK, GREY, DARK], "en")
    assert first.startswith("the lower face is covered: 17%")
    assert second == "the face is too dark or too flat to show its features (2.0 bits of tones)"


def test_the_sample_that_a_decision_rests_on_is_named_with_its_doubts() -> None:
    (sentence,) = scoping.rests_on(found(GREY, MASK), "en")
    assert sentence.startswith(
        "An: sample 7, which this rests on, was doubtful when it was enrolled: the lower face is covered: 17%"
    )
    shown = scoping.sample_as_json(found(MASK), "vi")
    assert shown is not None and shown["sample"] == 7
    assert scoping.rests_on(found(), "en") == [] and scoping.sample_as_json(found(), "en") is None
