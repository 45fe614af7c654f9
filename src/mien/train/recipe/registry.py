"""What every table of things by name shares: looking one up, and recipe settings that follow from a dataclass.

A table is a plain dict next to the things it names. Recipes, messages and schemas read the table each time they are
used, so one new line in it is enough. Owns no table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, get_type_hints

from pydantic import AfterValidator, create_model

from mien.errors import RecipeError
from mien.models.card import Strict
from mien.nearest import did_you_mean

Thing = TypeVar("Thing")
Settings = TypeVar("Settings", bound=Strict)


def look_up(table: Mapping[str, Thing], what: str, name: str) -> Thing:
    """Get a thing by its name.

    Args:
        table: things by name.
        what: what they are, for the message ("backbone").
        name: the name to look up.

    Raises:
        RecipeError: there is no such name; the message has the nearest one.
    """
    if name not in table:
        raise RecipeError(unknown_name(table, what, name))
    return table[name]


def unknown_name(known: Iterable[str], what: str, name: str) -> str:
    """Describe a name that is not in a table, with the nearest one and all of them."""
    known = list(known)
    return f"there is no {what} '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}"


def name_in(table: Mapping[str, object], what: str) -> AfterValidator:
    """A pydantic validator: the name of a recipe's setting has to be in a table."""

    def check(name: str) -> str:
        if name not in table:
            raise ValueError(unknown_name(table, what, name))
        return name

    return AfterValidator(check)


def settings_from(thing: type, base: type[Settings]) -> type[Settings]:
    """Extend a section of a recipe by the settings of a dataclass: a key for each of its init fields.

    Types, limits (as `Annotated[float, pydantic.Field(gt=0)]`) and defaults are those of the dataclass.

    Args:
        thing: a dataclass whose init fields all have defaults.
        base: the section, with the keys that do not depend on the thing.
    """
    hints = get_type_hints(thing, include_extras=True)
    keys: dict[str, Any] = {one.name: (hints[one.name], _default(one)) for one in fields(thing) if one.init}
    return create_model(base.__name__, __base__=base, **keys)


def _default(one: "Field[Any]") -> object:
    if one.default is MISSING:
        raise TypeError(f"{one.name} needs a default, since recipes may leave it out")
    return one.default
