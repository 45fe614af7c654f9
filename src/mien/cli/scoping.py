"""How verbs show the scope of a face: as JSON, as a cell of a table, as sentences. Measures and decides nothing."""

from collections.abc import Iterable, Sequence

from mien.gallery.decide import Identification
from mien.messages import Message, text_of
from mien.scope import Doubt, Scope, unsuited
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


def sample_as_json(person: Identification, language: str) -> dict[str, object] | None:
    """The sample that a decision rests on, with what was doubtful when it was enrolled; None where nothing was."""
    if not person.rests_on:
        return None
    return {"sample": person.candidates[0].sample, "outside": outside(person.rests_on, language)}


def rests_on(person: Identification, language: str) -> list[str]:
    """What was doubtful of the sample that a decision rests on, one sentence per reason."""
    return [
        Message(
            "gallery.rests-on",
            {
                "subject": person.candidates[0].subject,
                "sample": str(person.candidates[0].sample),
                "what": one.message,
            },
        ).text(language)
        for one in unsuited(person.rests_on)
    ]


def reasons_of(person: Identification, language: str) -> list[str]:
    """All that is doubtful of an identification: of the face, and of the sample that it matches."""
    return [*reasons(person.doubts, language), *rests_on(person, language)]


def cell(doubts: Iterable[Doubt], language: str) -> str:
    """In what a face is outside, in a few words."""
    return ", ".join(text_of(name_of(one.code), language) for one in doubts)


def reasons(doubts: Sequence[Doubt], language: str) -> list[str]:
    """Why a decision is uncertain, or a portrait is a poor one, one sentence per reason."""
    return [one.message.text(language) for one in unsuited(doubts)]
