"""The limits of the shipped rules, which are promises to whoever names them: each is written down once more here."""

import pytest

from mien.portrait.rules.files import load_rules

LIMITS = {
    "vn-portrait": [
        ("min-width", "width", 200, None, None, "error"),
        ("min-height", "height", 200, None, None, "error"),
        ("max-width", "width", None, 6000, None, "warning"),
        ("max-height", "height", None, 8000, None, "warning"),
        ("aspect", "aspect", 0.5, 1.5, None, "error"),
        ("enlarged", "enlargement", None, 2, None, "warning"),
        ("a-face", "faces", 1, None, None, "error"),
        ("upright", "turn", None, 0, None, "error"),
        ("one-face", "second_face", None, 0.2, None, "error"),
        ("face-size", "face_side", 112, None, None, "error"),
        ("face-share", "face_share", 0.06, 0.85, None, "warning"),
        ("centred", "centre_x", 0.35, 0.65, None, "warning"),
        ("cut-left", "margin_left", 0.6, None, None, "warning"),
        ("cut-right", "margin_right", 0.6, None, None, "warning"),
        ("cut-above", "margin_above", 0.5, None, None, "warning"),
        ("cut-below", "margin_below", 1, None, None, "warning"),
        ("eyes-apart", "inter_eye", 40, None, None, "warning"),
        ("yaw", "yaw", -30, 30, 0.8, "error"),
        ("pitch", "pitch", -30, 30, 0.8, "error"),
        ("roll", "roll", -30, 30, 0.8, "error"),
        ("even-light", "cheek_balance", 0.3, None, None, "warning"),
        ("brightness", "luminance", 0.05, 0.75, None, "warning"),
        ("burnt-out", "over_exposure", None, 0.1, None, "warning"),
        ("tones", "dynamic_range", 4, None, None, "warning"),
        ("in-colour", "chroma", 3, None, None, "error"),
        ("natural-colour", "natural_colour", None, 12, None, "warning"),
        ("no-glasses", "glasses", None, 7, None, "warning"),
        ("no-dark-lenses", "dark_lenses", None, 0.75, None, "error"),
        ("no-glare", "glare", None, 0.05, None, "warning"),
        ("no-mask", "mask", None, 0.5, None, "error"),
        ("no-covering", "head_covering", None, 0.2, None, "warning"),
        ("eyes-open", "eye_ratio", 0.15, None, None, "error"),
        ("sharp", "sharpness", -9, None, None, "error"),
        ("still", "motion_blur", None, 8, None, "warning"),
        ("little-noise", "noise", None, 12, None, "warning"),
        ("little-compression", "compression", None, 4, None, "warning"),
        ("no-print", "halftone", None, 14, None, "error"),
        ("no-screen", "screen", None, 14, None, "error"),
        ("no-border", "paper_border", None, 0.03, None, "error"),
        ("no-stamp", "stamp", None, 0.5, None, "error"),
    ],
    "icao": [
        ("min-width", "width", 413, None, None, "error"),
        ("aspect", "aspect", 0.74, 0.81, None, "error"),
        ("enlarged", "enlargement", None, 2, None, "error"),
        ("a-face", "faces", 1, None, None, "error"),
        ("upright", "turn", None, 0, None, "error"),
        ("one-face", "second_face", None, 0.02, None, "error"),
        ("eyes-apart", "inter_eye", 90, None, None, "error"),
        ("head-size", "head_size", 0.35, 0.55, None, "error"),
        ("centred", "centre_x", 0.45, 0.55, None, "error"),
        ("eye-line", "eye_line", 0.3, 0.5, None, "error"),
        ("cut-left", "margin_left", 0.9, None, None, "error"),
        ("cut-right", "margin_right", 0.9, None, None, "error"),
        ("cut-above", "margin_above", 0.8, None, None, "error"),
        ("cut-below", "margin_below", 1.3, None, None, "error"),
        ("yaw", "yaw", -5, 5, 0.8, "error"),
        ("pitch", "pitch", -5, 5, 0.8, "error"),
        ("roll", "roll", -8, 8, 0.8, "error"),
        ("four-zones", "four_zones", 0.5, None, None, "error"),
        ("brightness", "luminance", 0.1, 0.7, None, "error"),
        ("burnt-out", "over_exposure", None, 0.03, None, "error"),
        ("tones", "dynamic_range", 6, None, None, "error"),
        ("in-colour", "chroma", 3, None, None, "error"),
        ("natural-colour", "natural_colour", None, 6, None, "error"),
        ("no-glasses", "glasses", None, 7, None, "warning"),
        ("no-dark-lenses", "dark_lenses", None, 0.6, None, "error"),
        ("no-glare", "glare", None, 0.02, None, "error"),
        ("no-mask", "mask", None, 0.5, None, "error"),
        ("no-covering", "head_covering", None, 0.1, None, "warning"),
        ("eyes-open", "eye_ratio", 0.15, None, None, "error"),
        ("mouth-closed", "mouth_open", None, 0.15, None, "error"),
        ("plain-background", "surroundings", None, 0.25, None, "warning"),
        ("sharp", "sharpness", -8, None, None, "error"),
        ("still", "motion_blur", None, 7, None, "warning"),
        ("little-noise", "noise", None, 8, None, "warning"),
        ("little-compression", "compression", None, 3, None, "error"),
        ("no-print", "halftone", None, 14, None, "error"),
        ("no-screen", "screen", None, 14, None, "error"),
        ("no-border", "paper_border", None, 0.03, None, "error"),
        ("no-stamp", "stamp", None, 0.5, None, "error"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_every_rule_has_its_measure_limits_and_severity(name: str) -> None:
    rules = load_rules(name).rule
    assert [(r.id, r.measure, r.min, r.max, r.sure, r.severity) for r in rules] == LIMITS[name]


@pytest.mark.parametrize(("name", "child_age", "min_images"), [("vn-portrait", 7, 5), ("icao", 7, 1)])
def test_structure_and_balance(name: str, child_age: int, min_images: int) -> None:
    rules = load_rules(name)
    assert (rules.structure.child_age, rules.structure.min_images) == (child_age, min_images)
    wanted = {"sex": (1, 1, 0.05), "age": (9, 1, 0.02)} if name == "vn-portrait" else {}
    found = {what: getattr(rules.balance, what) for what in ("sex", "age") if getattr(rules.balance, what)}
    assert {what: (*one.parts.values(), one.tolerance) for what, one in found.items()} == wanted


@pytest.mark.parametrize("name", LIMITS)
def test_narrow_eyes_and_nearly_plain_backgrounds_are_in_doubt(name: str) -> None:
    background = {"plain-background": 0.05} if name == "icao" else {}
    found = {rule.id: rule.doubt for rule in load_rules(name).rule if rule.doubt}
    assert found == {"eyes-open": 0.05, **background}
