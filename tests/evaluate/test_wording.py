"""Figures in words."""

import ast
from pathlib import Path

from mien.evaluate.wording import describe, five_digits, joined, message, share, status_text, too_few
from mien.messages import find_catalogue, text_of
from mien.rates import Estimate

ROOT = Path(__file__).resolve().parents[2]


def words(value: float) -> str:
    return text_of(share(value), "en")


def test_shares_for_people() -> None:
    assert [words(v) for v in (0.5, 0.0123, 0.00042, 0.0)] == ["50.00%", "1.23%", "0.042%", "0"]
    assert text_of(share(float("nan")), "en") == "not measured"
    small = [words(v) for v in (1e-3, 7.85e-4, 5e-5, 9.9e-7)]
    assert small == ["0.10%", "0.079%", "0.005%", "0.0000990%"], "no powers"
    assert text_of(share(0.0123), "vi") == "1,23%"


def test_a_rate_has_its_interval() -> None:
    assert describe(Estimate(0.02, 0.01, 0.04, 10)).text("en") == "2.00% (1.00% to 4.00%)"
    assert describe(Estimate(2e-4, 5e-5, 3e-3, 10)).text("en") == "0.02% (0.005% to 0.30%)"
    assert describe(Estimate(0.0, 0.0, 0.03, 1000)).text("en") == "0 of 1,000; below 3.00%"
    assert describe(Estimate(0.0, 0.0, 0.03, 1000)).text("vi") == "0 trên 1.000; dưới 3,00%"
    refused = describe(Estimate(0.02, 0.0, 0.9, 10, missing=12))
    assert refused.text("en") == "2.00%; an interval needs 12 more people"
    assert refused.text("vi") == "2,00%; để có khoảng tin cậy cần thêm 12 người"
    nothing = describe(Estimate(0.0, 0.0, 0.9, 40, missing=1))
    assert nothing.text("en") == "0 of 40; an interval needs 1 more person"
    assert describe(Estimate(0.98765, 0.97, 0.99, 40), five_digits).text("en") == "0.98765 (0.97000 to 0.99000)"
    assert describe(None).text("en") == "no comparisons"
    assert describe(Estimate(0.0, 0.0, 1.0, 0)).text("en") == "no comparisons"


def test_no_set_shows_rates_below_125_percent() -> None:
    assert text_of(too_few(1e-3, 8, 140), "en") == (
        "this set has too few comparisons for any rate; for 0.001 it needs about 140 more subjects"
    )
    assert "rate below 50.00%; for 0.001" in text_of(too_few(1e-3, 20, 130), "en")


def test_texts_are_joined() -> None:
    assert text_of(joined(["a", "b", "c"], "comma"), "en") == "a, b, c"
    assert text_of(joined([message("not-measured"), "b"]), "vi") == "không đo; b"
    assert joined(["a"]) == "a"


def test_an_unknown_status_is_shown_as_it_is() -> None:
    assert text_of(status_text("no face"), "vi") == "không có khuôn mặt"
    assert status_text("on holiday") == "on holiday"


def test_every_message_of_the_room_has_a_text() -> None:
    texts, found = find_catalogue("en").texts, set()
    for path in (ROOT / "src/mien/evaluate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message" and node.args:
                for code in _constants(node.args[0]):
                    found.add(f"evaluate.{code}")
    assert len(found) > 100
    assert sorted(found - texts.keys()) == []


def _constants(node: ast.expr) -> list[str]:
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and _is_code(one.value)]


def _is_code(value: object) -> bool:
    return isinstance(value, str) and not value.endswith(".") and value != "."
