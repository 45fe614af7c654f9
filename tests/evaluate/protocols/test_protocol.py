"""A protocol's settings are its function's signature: sets by position, options by keyword."""

from typing import Annotated

from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Report
from mien.evaluate.scorefile import Embedded

FMR = Option(help="The rate.", min=0.0, flags=("--fmr",))
SEED = Option(help="The seed.")


def run(
    one: Embedded,
    two: Embedded | None = None,
    *,
    fmr: Annotated[float, FMR] = 0.01,
    card: object = None,
    seed: Annotated[int, "a remark", SEED] = 3,
) -> Report:
    raise NotImplementedError


MADE_UP = Protocol(name="made-up", run=run, summary="", data="", question="", examples=())


def test_positional_parameters_are_sets_and_all_others_keywords() -> None:
    assert MADE_UP.sets == ("one", "two") and MADE_UP.keywords == ("fmr", "card", "seed")


def test_keywords_with_an_option_are_offered_with_type_and_default() -> None:
    fmr, seed = MADE_UP.options()
    assert (fmr.name, fmr.kind, fmr.default, fmr.option) == ("fmr", float, 0.01, FMR)
    assert (seed.name, seed.kind, seed.default, seed.option) == ("seed", int, 3, SEED)
