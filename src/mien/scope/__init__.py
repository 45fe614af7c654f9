"""Whether what was measured of a recognizer holds for a face: masks, small, soft, turned and grey faces.

`aspects` is the table of what is looked at and where its limits are, `measure` finds the scope of a face, `doubts`
compares it with the rates that a threshold knows, and `policy` says what follows. Decides on no match, and refuses
nothing itself: mien.gallery does.
"""

from mien.scope.doubts import (
    Doubt,
    KnownRate,
    beyond,
    doubt_about,
    doubts_about,
    known_rate,
    unsuited,
    with_card_rates,
)
from mien.scope.measure import Scope, find_scope, find_scopes, scope_of
from mien.scope.policy import ScopePolicy, scope_policy

__all__ = [
    "Doubt",
    "KnownRate",
    "Scope",
    "ScopePolicy",
    "beyond",
    "doubt_about",
    "doubts_about",
    "find_scope",
    "find_scopes",
    "known_rate",
    "scope_of",
    "scope_policy",
    "unsuited",
    "with_card_rates",
]
