"""What rules ask and advise: by measure in every language, or as a rule file says."""

import pytest

from mien.messages import find_catalogue, languages
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.files import SHIPPED, load_rules
from mien.portrait.rules.schema import Rule, RuleSet
from mien.portrait.rules.text import (
    advice,
    limit_text,
    measure_name,
    rule_set_title,
    rule_title,
    unit_text,
    value_text,
)


def rule(measure: str, min_: float | None = None, max_: float | None = None, **more: object) -> Rule:
    return Rule(id="x", measure=measure, unit=MEASURES[measure].unit, min=min_, max=max_, severity="error", **more)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("language", languages())
def test_shipped_rules_ask_and_advise_in_every_language(name: str, language: str) -> None:
    rules = load_rules(name)
    texts = find_catalogue(language).texts
    assert rule_set_title(rules, language) != rule_set_title(rules, "en") or language == "en"
    for one in rules.rule:
        asked = rule_title(one, language)
        assert "{" not in asked
        assert asked != rule_title(one, "en") or language == "en", one.id
        for side, limit in (("below", one.min), ("above", one.max)):
            if limit is not None:
                assert (
                    advice(one, limit + (-1e6 if side == "below" else 1e6), language)
                    == texts[f"measure.{one.measure}.{side}"]
                )


@pytest.mark.parametrize("language", languages())
def test_every_measure_has_a_name_and_every_unit_too(language: str) -> None:
    texts = find_catalogue(language).texts
    for name, one in MEASURES.items():
        assert texts[f"measure.{name}.name"]
        assert not one.unit or texts[f"unit.{one.unit}"]
    assert {code.split(".")[1] for code in texts if code.startswith("measure.")} == set(MEASURES)


def test_no_two_measures_have_one_name() -> None:
    for language in languages():
        texts = find_catalogue(language).texts
        names = [texts[f"measure.{name}.name"] for name in MEASURES]
        assert len(set(names)) == len(names)


def test_limits_are_written_as_the_language_writes_numbers() -> None:
    one = rule("aspect", 0.5, 1.5)
    assert (limit_text(one, "en"), limit_text(one, "vi")) == ("0.5 to 1.5", "0,5 đến 1,5")
    assert rule_title(one, "vi") == "Chiều rộng chia cho chiều cao từ 0,5 đến 1,5"
    assert limit_text(rule("width", 6000), "vi") == "ít nhất 6000 px"
    assert limit_text(rule("enlargement", None, 2), "vi") == "nhiều nhất 2 lần"
    assert rule_title(rule("face_share", 0.06, 0.85), "en") == "The face takes 6% to 85% of the image"


def test_a_value_has_its_deviation_and_unit() -> None:
    assert value_text(-3.14159, "degrees", "en", 6.6) == "-3.14 ± 7 degrees"
    assert value_text(0.25, "", "vi") == "0,25"
    assert unit_text("furlongs", "vi") == "furlongs"


@pytest.mark.parametrize(
    ("value", "en", "vi"),
    [
        (-56, "Turn your head to the left", "Quay mặt sang trái"),
        (-33, "Turn your head a little to the left", "Quay mặt sang trái một chút"),
        (33, "Turn your head a little to the right", "Quay mặt sang phải một chút"),
        (56, "Turn your head to the right", "Quay mặt sang phải"),
    ],
)
def test_a_little_is_said_only_close_to_the_limit(value: float, en: str, vi: str) -> None:
    yaw = rule("yaw", -30, 30)
    assert (advice(yaw, value, "en"), advice(yaw, value, "vi")) == (en, vi)
    strict = rule("yaw", -5, 5)
    assert advice(strict, 12, "vi") == "Quay mặt sang phải", "12 degrees are much for a passport"


def test_a_rule_file_may_have_texts_in_any_languages() -> None:
    texts = {"en": "Look straight", "fr": "Regardez devant vous"}
    one = rule("yaw", -30, 30, title=texts, above={"fr": "À droite"})
    assert rule_title(one, "fr") == "Regardez devant vous"
    assert rule_title(one, "vi") == "Look straight", "what it lacks is shown in English"
    assert advice(one, 56, "vi") == "À droite", "or in the language that it has"
    assert advice(one, -56, "vi") == "Quay mặt sang trái", "or as the measure says"
    assert rule_title(rule("yaw", -30, 30, title="Straight"), "vi") == "Straight"


def test_a_rule_without_any_text_is_composed_of_its_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    yaw = rule("yaw", -20, 30)
    assert rule_title(yaw, "en") == "yaw: -20 to 30 degrees"
    assert rule_title(rule("jpeg_quality", 60), "vi") == "chất lượng JPEG: ít nhất 60"
    assert advice(rule("jpeg_quality", 60), 40, "en") == "JPEG quality: too low"


def test_rules_without_a_title_are_called_by_their_name() -> None:
    rules = RuleSet(name="mine", version=1, rule=(rule("yaw", -30, 30),))
    assert rule_set_title(rules, "vi") == "mine"


def test_a_measure_is_called_by_its_own_title_where_no_catalogue_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.portrait.measures.measure import Measure

    monkeypatch.setitem(MEASURES, "beard", Measure(title="length of the beard"))
    monkeypatch.setitem(MEASURES, "hat", Measure())
    assert (measure_name("beard"), measure_name("hat")) == ("length of the beard", "hat")
