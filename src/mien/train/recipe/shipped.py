"""The recipes that come with mien, by name: their texts, and one line about each. Checks none and trains nothing.

A recipe is a file of the folder mien/recipes that begins with a comment: its first sentence is the line of the list.
Works without torch, so that recipes can be looked at before the extra is installed.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import RecipeError
from mien.nearest import did_you_mean
from mien.output_names import OutputGuard

FOLDER = Path(__file__).resolve().parents[2] / "recipes"
ENDING = ".toml"


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """A recipe that comes with mien.

    Attributes:
        name: the name that `mien train` takes.
        path: of its file.
        text: the file's content, with its comments.
    """

    name: str
    path: Path
    text: str

    @property
    def summary(self) -> str:
        """The first sentence of the comment that the file begins with."""
        lines: list[str] = []
        for line in self.text.splitlines():
            if not line.startswith("# "):
                break
            lines.append(line.removeprefix("# "))
        first, stop, _ = " ".join(lines).partition(". ")
        return first.rstrip(".") + ("." if stop or first else "")

    @property
    def trains(self) -> str:
        """The network: a recognizer's backbone with its head, or a detector."""
        content = self.content
        if "detector" in content:
            return str(content["detector"]["name"])
        return f"{content['model']['backbone']}, {content.get('head', {}).get('name', 'arcface')}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The files and folders that it reads, as they are named: data, weights and validation sets."""
        content = self.content
        places = list(content["data"]["sets"])
        places += [content["init"]["weights"]] if "init" in content else []
        places += [one[key] for one in content.get("evaluate", []) for key in ("set", "pairs") if key in one]
        return tuple(dict.fromkeys(map(str, places)))

    @property
    def content(self) -> dict[str, Any]:
        """The file's values, unchecked."""
        return tomllib.loads(self.text)


def shipped_names() -> list[str]:
    """The names of all recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f"*{ENDING}"))


def list_recipes() -> tuple[ShippedRecipe, ...]:
    """All recipes that come with mien, by name.

    Example:
        >>> [recipe.trains for recipe in mien.list_recipes() if recipe.name == "smoke"]
        ['mobilefacenet, arcface']
    """
    return tuple(map(read_shipped, shipped_names()))


def read_shipped(name: str) -> ShippedRecipe:
    """Read a recipe that comes with mien.

    Raises:
        RecipeError: there is no recipe of this name; the message has the nearest one.

    Example:
        >>> mien.shipped_recipe("smoke").content["schedule"]["steps"]
        20
    """
    names = shipped_names()
    if name not in names:
        raise RecipeError(
            f"there is no recipe '{name}'{did_you_mean(name, names)}; `mien recipes list` shows those that come with "
            f"mien, and the name of your own file ends with {ENDING}"
        )
    path = FOLDER / f"{name}{ENDING}"
    return ShippedRecipe(name, path, path.read_text(encoding="utf-8"))


def copy_recipe(name: str, out: Path, *, overwrite: bool = False) -> None:
    """Copy a recipe into a file of yours, to change it.

    Args:
        name: of the recipe.
        out: the file to write.
        overwrite: whether a file that mien did not make is replaced.

    Raises:
        RecipeError: there is no recipe of this name.
        OutputError: the file is there and was not made by mien.

    Example:
        >>> mien.copy_recipe("smoke", Path("our-smoke.toml"))
        >>> Path("our-smoke.toml").read_text().splitlines()[3]
        'name = "smoke"'
    """
    OutputGuard(overwrite=overwrite).write_text(out, read_shipped(name).text)


def find_recipe(given: str) -> Path:
    """The file that is meant by a path or by a shipped recipe's name.

    A path has an ending or a folder in it, or is a file; everything else is a name.

    Raises:
        RecipeError: a name that there is not.
    """
    path = Path(given)
    if path.suffix == ENDING or len(path.parts) > 1 or path.is_file():
        return path
    return read_shipped(given).path
