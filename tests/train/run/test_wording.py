"""The texts of training reports."""

import ast
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.messages import find_catalogue, text_of  # noqa: E402
from mien.train.recognizers.validation import HEADLINE  # noqa: E402
from mien.train.run.wording import message, metric_text  # noqa: E402

TRAIN = Path(__file__).resolve().parents[3] / "src" / "mien" / "train"


@pytest.mark.parametrize(
    ("name", "en", "vi"),
    [
        ("accuracy", "accuracy", "độ chính xác"),
        ("fnmr@1e-03", "FNMR at FMR 0.001", "FNMR tại FMR 0,001"),
        ("threshold@1e-06", "threshold at FMR 1e-06", "ngưỡng tại FMR 1e-06"),
        ("most alike", "highest non-mated score", "điểm khác người cao nhất"),
    ],
)
def test_metrics_have_their_names_in_both_languages(name: str, en: str, vi: str) -> None:
    assert (text_of(metric_text(name), "en"), text_of(metric_text(name), "vi")) == (en, vi)


def test_every_metric_of_the_headline_has_a_text_and_an_unknown_one_stays() -> None:
    assert [name for name in HEADLINE if metric_text(name) == name] == []
    assert metric_text("speed") == "speed" and metric_text("speed@3") == "speed@3"


def test_every_message_of_the_room_has_a_text() -> None:
    texts, found = find_catalogue("en").texts, set()
    for path in TRAIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message" and node.args:
                found.add(_code(node.args[0]))
    assert len(found) > 20 and message("title", name="x").code in found
    lacking = [code for code in sorted(found) if not any(_fits(code, text) for text in texts)]
    assert lacking == []
    # Each text is used, so that none is translated in vain.
    used = [text for text in texts if text.startswith("train.") and any(_fits(code, text) for code in found)]
    assert sorted(set(used) ^ {text for text in texts if text.startswith("train.")}) == []


def _code(node: ast.expr) -> str:
    """The code of a message; a star for each part that follows from a value."""
    if isinstance(node, ast.JoinedStr):
        return "train." + "".join(one.value if isinstance(one, ast.Constant) else "*" for one in node.values)
    return f"train.{node.value}" if isinstance(node, ast.Constant) else "train.metric.*"


def _fits(code: str, text: str) -> bool:
    parts = code.split("*")
    return text.removesuffix("_one").startswith(parts[0]) and (len(parts) > 1 or text.removesuffix("_one") == code)
