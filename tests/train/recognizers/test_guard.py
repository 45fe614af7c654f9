"""The forgetting guard: when a fine-tuned model may be called better."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.evaluate.differences import ComparedPoint, Difference  # noqa: E402
from mien.rates import Estimate  # noqa: E402
from mien.train.recognizers.guard import Compared, GuardResult  # noqa: E402


def row(name: str, role: str, value: float, reach: float) -> Compared:
    rate = Estimate(0.1, 0.05, 0.15, 100)
    change = Difference(value, value - reach, value + reach)
    return Compared(name, role, ComparedPoint(1e-3, (0.3, 0.3), (rate, rate), (rate, rate), change))


@pytest.mark.parametrize(
    ("own", "general", "verdict"),
    [
        ((-0.05, 0.01), (0.001, 0.01), "better"),
        ((-0.05, 0.01), (0.02, 0.01), "lost too much"),
        ((-0.005, 0.01), (-0.1, 0.01), "no gain shown"),
        ((0.05, 0.01), (0.0, 0.01), "no gain shown"),
    ],
)
def test_the_guards_verdict(own: tuple[float, float], general: tuple[float, float], verdict: str) -> None:
    judged = GuardResult((row("mine", "own", *own), row("all", "general", *general)), allowed=0.005)
    assert judged.verdict == verdict
    assert ("NOT better" in judged.sentences()[0]) == (verdict != "better")
