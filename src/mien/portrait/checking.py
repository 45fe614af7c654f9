"""One photograph judged by rules, with instructions that a person can follow.

Owns the order in which instructions are given. Models are opened on first use and kept, so that a camera's frames can
be checked one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mien.errors import ImageError
from mien.models.defaults import DEFAULT_DETECTOR
from mien.pipeline import array_item, bytes_item, file_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.catalogue import Measured, place
from mien.portrait.rules import Language, RuleSet, Verdict, apply_rule, load_rules
from mien.types import Box, Image

DEFAULT_RULES = "vn-portrait"


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """The verdict on one photograph.

    Attributes:
        verdicts: of each rule, in the rules' order.
        examined: everything that was measured.
        rules: by which it was judged.
    """

    verdicts: tuple[Verdict, ...]
    examined: Examined
    rules: RuleSet

    @property
    def passed(self) -> bool:
        """Whether no rule of severity error failed."""
        return not any(v.state == "fail" and v.rule.severity == "error" for v in self.verdicts)

    @property
    def quality(self) -> float | None:
        """The overall quality, 0 to 100; None where there is no face."""
        return self.examined.overall

    def instructions(self, language: Language = "en") -> list[str]:
        """What to do, the gravest first, each once."""
        ordered = sorted(self.verdicts, key=lambda v: v.rule.severity != "error")
        return list(dict.fromkeys(words for v in ordered if (words := v.advice(language))))

    def place(self, verdict: Verdict) -> Box | None:
        """Where in the file's pixels a rule looked; None for the whole picture."""
        return place(self.examined.landmarks, verdict.rule.measure)


def apply_rules(rules: RuleSet, measures: dict[str, Measured]) -> tuple[Verdict, ...]:
    """The verdict of every rule."""
    return tuple(apply_rule(rule, measures[rule.measure]) for rule in rules.rule)


@lru_cache(maxsize=4)
def _examiner(detector: str, portrait_models: tuple[str, ...]) -> Examiner:
    return open_examiner(detector, None, portrait_models)


@lru_cache(maxsize=4)
def _rules(name: str) -> RuleSet:
    return load_rules(name)


def check(
    portrait: Image | bytes | str | Path,
    rules: str | RuleSet = DEFAULT_RULES,
    *,
    detector: str = DEFAULT_DETECTOR,
    portrait_models: Sequence[str] = (),
) -> Checked:
    """Judge one photograph by rules.

    Args:
        portrait: (H, W, 3) uint8 RGB, upright; or the bytes of a file; or its path.
        rules: vn-portrait, icao, the path of a rule file, or rules that were loaded.
        detector: a name in the model store, or the path of a card.
        portrait_models: models for portraits that were added with `mien models add --expert`.

    Returns:
        The verdict of every rule, the measures, and instructions.

    Raises:
        ImageError: it is no usable image.
        RuleError: there are no such rules.
    """
    chosen = rules if isinstance(rules, RuleSet) else _rules(rules)
    examiner = _examiner(detector, tuple(portrait_models))
    if isinstance(portrait, (str, Path)):
        item = file_item(Path(portrait))
    elif isinstance(portrait, bytes):
        item = bytes_item("the portrait", portrait)
    else:
        item = array_item("the portrait", portrait)
    examined = examiner.item(item)
    if examined.measures is None:
        raise ImageError(examined.error)
    return Checked(apply_rules(chosen, examined.measures), examined, chosen)
