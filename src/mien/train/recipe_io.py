"""Recipes as TOML files: reading, settings on top, writing. Owns the messages; schemas lie beside what they are of.

A recipe with [detector] trains a detector, any other a recognizer. An unknown key is an error that names the nearest
right one.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel, ValidationError

from mien.errors import RecipeError
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.recognizers.recipe import Recipe
from mien.train.settings import Training

AnyRecipe = Recipe | DetectorRecipe


def read_recipe(path: Path, settings: tuple[str, ...] = ()) -> AnyRecipe:
    """Read a recipe.

    Args:
        path: a TOML file.
        settings: `section.key=value` each, on top of what the file says; values as in TOML, or plain text.

    Raises:
        RecipeError: unreadable, no TOML, a misspelt key, or a value that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise RecipeError(f"{path} cannot be read: {reason.strerror or reason}; recipes/ has some") from reason
    except UnicodeDecodeError as reason:
        raise RecipeError(f"{path} is no recipe, as it is no text; recipes/ has some") from reason
    except tomllib.TOMLDecodeError as reason:
        raise RecipeError(f"{path} is no TOML: {reason}") from reason
    for setting in settings:
        _set(content, setting)
    return parse_recipe(content, str(path))


def parse_recipe(content: dict[str, Any], where: str) -> AnyRecipe:
    """A recipe from its content; see read_recipe."""
    schema: type[AnyRecipe] = DetectorRecipe if "detector" in content else Recipe
    try:
        recipe = schema.model_validate(content)
    except ValidationError as reason:
        raise RecipeError(f"{where}: {_sentence(reason, schema)}") from reason
    if (recipe.schedule.epochs is None) == (recipe.schedule.steps is None):
        raise RecipeError(f"{where}: [schedule] has either epochs or steps")
    names = [one.name for one in recipe.evaluate]
    if len(set(names)) < len(names):
        raise RecipeError(f"{where}: two sets of [[evaluate]] have one name; give each its own")
    return recipe


def format_recipe(recipe: Training) -> str:
    """The recipe as TOML, every value written out."""
    return tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))


def _set(content: dict[str, Any], setting: str) -> None:
    key, found, text = setting.partition("=")
    if not found:
        raise RecipeError(f"'{setting}' is no setting; write section.key=value, such as schedule.batch=64")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"'{setting}': {section} has no keys of its own")
    content[last] = value


def _sentence(reason: ValidationError, recipe: type[BaseModel]) -> str:
    """The first fault, with the nearest right name for a key that is not known."""
    errors = reason.errors()
    # A key that is missing is often there, misspelt.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _keys_of(recipe, [part for part in place[:-1] if not part.isdigit()])
        near = get_close_matches(place[-1], known, 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        return f"{key} is no setting; {hint}"
    if first["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {first['msg']} (it is {first['input']!r})"


def _keys_of(schema: type[BaseModel], sections: list[str]) -> list[str]:
    """The keys of a section of the schema."""
    for section in sections:
        field = schema.model_fields.get(section)
        if field is None:
            break
        kinds = [field.annotation, *get_args(field.annotation)]
        schema = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), schema)
    return list(schema.model_fields)
