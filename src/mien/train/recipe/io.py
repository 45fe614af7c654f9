"""Recipes as TOML: reading, settings on top, checking, writing. Owns the messages; each kind brings its schema.

An unknown key is an error that names the nearest right one. A key that has a new name is an error that says so,
except in a recipe that a checkpoint keeps, which is read as it was meant.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import tomli_w
from pydantic import BaseModel, ValidationError

from mien.errors import RecipeError
from mien.nearest import SHORT, did_you_mean
from mien.train.recipe.settings import Training

R = TypeVar("R", bound=Training)


@dataclass(frozen=True, slots=True)
class RecipeFormat(Generic[R]):
    """How recipes of one kind are read.

    Attributes:
        section: a section that all recipes of this kind have, and no others.
        schema: gives the schema for a recipe's content, as some keys depend on the names in it.
        renamed: new names of keys, by their old ones, as `section.key`.
    """

    section: str
    schema: Callable[[Mapping[str, Any]], type[R]]
    renamed: Mapping[str, str] = field(default_factory=dict)


def read_content(path: Path, settings: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a recipe's file, unchecked.

    Args:
        path: a TOML file.
        settings: `section.key=value` each, on top of what the file says; values as in TOML, or plain text. Steps
            take the place of the file's epochs, and the other way round.

    Raises:
        RecipeError: the file cannot be read or is not TOML.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise RecipeError(
            f"{path} cannot be read: {reason.strerror or reason}; `mien recipes list` shows examples"
        ) from reason
    except UnicodeDecodeError as reason:
        raise RecipeError(f"{path} is not a UTF-8 text file; `mien recipes list` shows examples") from reason
    except tomllib.TOMLDecodeError as reason:
        raise RecipeError(f"{path} is not valid TOML: {reason}") from reason
    for setting in settings:
        _set(content, setting)
    return content


def parse_as(form: RecipeFormat[R], content: Mapping[str, Any], where: str) -> R:
    """Check a recipe's content.

    Raises:
        RecipeError: a misspelt or renamed key, or a value that is not allowed.
    """
    for old, new in form.renamed.items():
        section, key = old.split(".")
        if isinstance(content.get(section), Mapping) and key in content[section]:
            raise RecipeError(f"{where}: {old} is now called {new}; rename it")
    schema = form.schema(content)
    try:
        recipe = schema.model_validate(content)
    except ValidationError as reason:
        raise RecipeError(f"{where}: {_sentence(reason, schema)}") from reason
    if (recipe.schedule.epochs is None) == (recipe.schedule.steps is None):
        raise RecipeError(f"{where}: [schedule] needs either epochs or steps")
    names = [one.name for one in recipe.evaluate]
    if len(set(names)) < len(names):
        raise RecipeError(f"{where}: two sets of [[evaluate]] have the same name; each needs its own")
    return recipe


def parse_stored(form: RecipeFormat[R], text: str, where: str) -> R:
    """Check a recipe that a checkpoint keeps, which may have old names of keys."""
    content = tomllib.loads(text)
    for old, new in form.renamed.items():
        (section, key), (new_section, new_key) = old.split("."), new.split(".")
        if key in content.get(section, {}):
            content.setdefault(new_section, {})[new_key] = content[section].pop(key)
    return parse_as(form, content, where)


def format_recipe(recipe: Training) -> str:
    """Write a recipe as TOML, with every value."""
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _set(content: dict[str, Any], setting: str) -> None:
    key, found, text = setting.partition("=")
    if not found:
        raise RecipeError(f"'{setting}' is not a setting; write section.key=value, such as schedule.batch=64")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"'{setting}': {section} is a value, not a section")
    if sections == ["schedule"] and last in LENGTHS:
        content.pop(LENGTHS[last], None)
    content[last] = value


LENGTHS = {"steps": "epochs", "epochs": "steps"}
"""The two keys of [schedule] that say how long a training is, of which a recipe has one."""


def _sentence(reason: ValidationError, recipe: type[BaseModel]) -> str:
    """The first fault, with the nearest right name for an unknown key."""
    errors = reason.errors()
    # A key that is missing is often there, misspelt.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _keys_of(recipe, [part for part in place[:-1] if not part.isdigit()])
        hint = did_you_mean(place[-1], known, SHORT) or f"; there are {', '.join(known)}"
        return f"{key} is not a setting{hint}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}"
    if first["type"] == "tuple_type":
        return f"{key} is a list, and it is {first['input']!r}: write {place[-1]} = {[str(first['input'])]!r}"
    return f"{key}: {first['msg']} (it is {first['input']!r})"


def _keys_of(schema: type[BaseModel], sections: list[str]) -> list[str]:
    """The keys of a section of the schema."""
    for section in sections:
        one = schema.model_fields.get(section)
        if one is None:
            break
        kinds = [one.annotation, *get_args(one.annotation)]
        schema = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), schema)
    return list(schema.model_fields)
