"""How verbs show the scope of a face: as JSON, as a cell of a table, as sentences. Measures and decides nothing."""

from collections.abc import Iterable, Sequence

from mien.messages import text_of
from mien.scope import Doubt, Scope, beyond
from mien.scope.aspects import name_of


def as_json(scope: Scope | None, doubts: Sequence[Doubt], language: str) -> dict[str, object] | None:
    """The scope of a face with what is known of each aspect in which it is outside; None where it was ignored."""
    if scope is None:
        return None
    values = {code: round(value, 3) for code, value in scope.values.items()}
    return {"values": values, "outside": outside(doubts, language)}


def outside(doubts: Iterable[Doubt], language: str) -> list[dict[str, object]]:
    """In what a face is outside, with what is known of it."""
    return [_doubt(one, language) for one in doubts]


def _doubt(doubt: Doubt, language: str) -> dict[str, object]:
    rate = doubt.rate
    return {
        "code": doubt.code,
        "fmr": None if rate is None else rate.value,
        "fmr_interval": None if rate is None else [rate.low, rate.high],
        "holds": doubt.holds,
        "reason": doubt.message.text(language),
    }


def cell(doubts: Iterable[Doubt], language: str) -> str:
    """In what a face is outside, in a few words."""
    return ", ".join(text_of(name_of(one.code), language) for one in doubts)


def reasons(doubts: Sequence[Doubt], language: str) -> list[str]:
    """Why a decision is uncertain, one sentence per reason."""
    return [one.message.text(language) for one in beyond(doubts)]
