"""Rule files: what ships, what is refused, and how it says so."""

import pytest

from mien.errors import RuleError
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.files import SHIPPED, load_rules, parse_rules, shipped_text


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rules_measure_what_there_is(name: str) -> None:
    rules = load_rules(name)
    assert len(rules.rule) > 25
    assert all(one.measure in MEASURES for one in rules.rule)
    assert {"b", "c", "d", "e", "f"} <= {one.part for one in rules.rule}


def test_the_requirement_has_its_limits() -> None:
    rules = load_rules("vn-portrait")
    limits = {one.id: (one.min, one.max, one.severity) for one in rules.rule}
    assert limits["face-size"] == (112, None, "error")
    assert limits["yaw"] == limits["pitch"] == limits["roll"] == (-30, 30, "error")
    assert rules.structure.min_images == 5
    assert rules.structure.child_age == 7
    assert rules.balance.sex.parts == {"male": 1, "female": 1}
    assert rules.balance.age.parts == {"adult": 9, "child": 1}


def test_passports_are_judged_more_strictly() -> None:
    loose, strict = (
        {(r.measure, side): getattr(r, side) for r in load_rules(name).rule for side in ("min", "max")}
        for name in SHIPPED
    )
    for key in loose.keys() & strict.keys():
        if loose[key] is not None and strict[key] is not None:
            assert strict[key] >= loose[key] if key[1] == "min" else strict[key] <= loose[key], key


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('severity = "warning"', 'severity = "warning"\nseverty = 1', "severty; did you mean severity?"),
        ("severity =", "severty =", "rule.0.severity: Field required"),
        ('measure = "yaw"', 'measure = "yaww"', "there is no measure 'yaww'; did you mean yaw?"),
        ('unit = "px"', 'unit = "cm"', "width is measured in 'px', not 'cm'"),
        ("[structure]", "[structur]", "there is no key structur; did you mean structure?"),
        ("min_images = 5", "min_image = 5", "there is no key structure.min_image; did you mean min_images?"),
        ("min = 200", "min = 200\nmax = 100", "min 200 is above max 100"),
        ('id = "min-height"', 'id = "min-width"', "two rules are called min-width"),
        ("min = 200", 'min = 200\nabove.en = "x"', "`above` says what to do about max, but there is no max"),
        ('severity = "error"', 'severity = "grave"', "'error' or 'warning'"),
        ("version = 1", "version = ", "is not TOML"),
    ],
)
def test_a_misspelt_rule_is_an_error_with_the_right_name(old: str, new: str, said: str) -> None:
    text = shipped_text("vn-portrait")
    assert old in text
    with pytest.raises(RuleError, match=said.replace("?", r"\?").replace(".", r"\.")):
        parse_rules(text.replace(old, new, 1), "mine.toml")


def test_rules_that_do_not_exist_are_named(tmp_path) -> None:
    with pytest.raises(RuleError, match="vn-portrait"):
        load_rules("vn-portait")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="UTF-8"):
        load_rules(str(tmp_path / "x.toml"))
    with pytest.raises(RuleError, match="has no rules"):
        parse_rules('name="a"\nversion=1\nrule=[]\n', "a")
