"""What a team chooses once: models, engine, language, limits. Owns the table of settings and where they come from.

Four places are merged, each over the one before: the defaults below, the user's file, the nearest `mien.toml` in the
current folder or one of its parents, and environment variables (`MIEN_DETECTOR` for `detector`). What a caller passes
goes before all of them. Unknown keys and unfit values are errors, never ignored. Does not open models: a name is
checked by whoever opens it.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from mien.errors import SettingsError
from mien.models.engines import engine_names, precision_names
from mien.models.options import AUTO, DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.nearest import LONG, did_you_mean
from mien.whole_files import write_whole_text

PROJECT_FILE = "mien.toml"
PREFIX = "MIEN_"
AUTO_SCOPE = "auto"
"""A policy for faces outside of what was measured that depends on what is done with them; see mien.scope.policy."""
NO_MODELS = "none"
"""The value of a setting of models that names none."""

EVERYBODY = "everybody"
"""The setting of people that are of no particular group."""

DEFAULT = "default"
"""The origin of a value that nobody chose."""

Value = str | int | float


def _any_text() -> tuple[str, ...]:
    return ()


def scope_names() -> tuple[str, ...]:
    """The values of the setting `scope`."""
    return AUTO_SCOPE, "demand", "warn", "ignore"


def _checks(
    about: str, *, choices: Callable[[], tuple[str, ...]] = _any_text, at_least: float = 0, model: bool = False
) -> dict[str, object]:
    """One line of help for a setting, and what its values must fulfil; no choices allow any text."""
    return {"about": about, "choices": choices, "at_least": at_least, "model": model}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. Help, `mien config list` and all checks derive from these fields.

    Example:
        >>> mien.Settings(language="vi").detector
        'mtcnn'
    """

    detector: str = field(
        default=DEFAULT_DETECTOR, metadata=_checks("Detector: a model's name or the path of its card.", model=True)
    )
    recognizer: str = field(
        default=DEFAULT_RECOGNIZER,
        metadata=_checks("Recognizer: a model's name or the path of its card.", model=True),
    )
    portrait_models: str = field(
        default=NO_MODELS,
        metadata=_checks("Models that `mien check` and `mien audit` use besides: names with commas, or none."),
    )
    engine: str = field(default=AUTO, metadata=_checks("Inference engine.", choices=engine_names))
    precision: str = field(default=AUTO, metadata=_checks("Precision of inference.", choices=precision_names))
    threads: int = field(
        default=0, metadata=_checks("Processor threads per model; 0 lets the engine choose.", at_least=0)
    )
    decode_memory_mb: int = field(
        default=512, metadata=_checks("Megabytes of decoded images that may wait in memory.", at_least=1)
    )
    second_look: str = field(
        default="yes",
        metadata=_checks(
            "Whether an image without a sure, upright face is searched again, turned by 90, 180 and 270 degrees.",
            choices=lambda: ("yes", "no"),
        ),
    )
    language: str = field(default="en", metadata=_checks("Language of reports and instructions, such as en or vi."))
    verification_fmr: float = field(default=1e-3, metadata=_checks("False match rate when two images are compared."))
    identification_fmr: float = field(
        default=1e-4, metadata=_checks("False match rate per comparison when a gallery is searched.")
    )
    group: str = field(
        default=EVERYBODY,
        metadata=_checks(
            "Group of people whose threshold decides when two images are compared, as the recognizer's card calls it."
        ),
    )
    scope: str = field(
        default=AUTO_SCOPE,
        metadata=_checks(
            "What to do with masked, small, blurred or turned faces, for which measured rates do not hold.",
            choices=scope_names,
        ),
    )

    @property
    def portrait_model_names(self) -> tuple[str, ...]:
        """The names in `portrait_models`."""
        names = (name.strip() for name in self.portrait_models.split(","))
        return () if self.portrait_models == NO_MODELS else tuple(name for name in names if name)


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Found:
    """The value of one setting and where it comes from: "default", a file, or an environment variable."""

    value: Value
    origin: str


def names() -> tuple[str, ...]:
    """The names of all settings, in the order of the table."""
    return tuple(row.name for row in fields(Settings))


def about(name: str) -> str:
    """One line of help for a setting, with what it accepts."""
    row = _row(name, "settings")
    choices: tuple[str, ...] = row.metadata["choices"]()
    return f"{row.metadata['about']} One of {', '.join(choices)}." if choices else str(row.metadata["about"])


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def user_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The file of a user's own settings: ~/.config/mien/mien.toml on Linux, its equal on other systems.

    $XDG_CONFIG_HOME goes before all of them.
    """
    if chosen := environment.get("XDG_CONFIG_HOME"):
        return Path(chosen) / "mien" / PROJECT_FILE
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "mien" / PROJECT_FILE
    if sys.platform == "win32" and (roaming := environment.get("APPDATA")):
        return Path(roaming) / "mien" / PROJECT_FILE
    return Path.home() / ".config" / "mien" / PROJECT_FILE


def project_file(folder: Path | None = None) -> Path | None:
    """The nearest mien.toml in a folder (the current one by default) or its parents, if there is one."""
    start = (folder or Path.cwd()).resolve()
    candidates = (place / PROJECT_FILE for place in (start, *start.parents))
    return next((path for path in candidates if path.is_file()), None)


def find_settings(folder: Path | None = None, environment: Mapping[str, str] = os.environ) -> dict[str, Found]:
    """Every setting with its value and where the value comes from.

    Args:
        folder: where the search for a mien.toml starts; the current folder by default.
        environment: the environment variables.

    Raises:
        SettingsError: a file is not TOML, or a key or value is wrong.

    Example:
        >>> found = mien.find_settings()["language"]
        >>> found.value, Path(found.origin).name
        ('vi', 'mien.toml')
    """
    found = {name: Found(value, DEFAULT) for name, value in asdict(DEFAULTS).items()}
    for path in (user_file(environment), project_file(folder)):
        if path is not None and path.is_file():
            found |= {name: Found(value, str(path)) for name, value in read_file(path).items()}
    return found | _from_environment(environment)


def load_settings(folder: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that hold here; see find_settings.

    Example:
        >>> mien.load_settings(environment={"MIEN_LANGUAGE": "vi"}).language
        'vi'
    """
    values: dict[str, Any] = {name: found.value for name, found in find_settings(folder, environment).items()}
    return Settings(**values)


def read_file(path: Path) -> dict[str, Value]:
    """The settings that one file chooses, checked. Relative paths of models are taken from the file's folder."""
    return {name: _check(name, value, str(path), path.parent) for name, value in _read_toml(path).items()}


def parse(name: str, text: str, origin: str) -> Value:
    """The value of a setting from text, as a command line or an environment variable gives it.

    Raises:
        SettingsError: there is no such setting, or the text does not fit it.
    """
    kind = _kind(_row(name, origin))
    try:
        return _check(name, kind(text), origin)
    except ValueError:
        raise SettingsError(f"{origin}: {name} is {_NOUNS[kind]}, not '{text}'") from None


def write_setting(path: Path, name: str, value: Value) -> None:
    """Set one key of a file, which is created if it is missing; other lines and all comments stay as they are.

    Raises:
        SettingsError: the file is not TOML, or the key is written in a way that only a person can edit.

    Example:
        >>> mien.write_setting(Path("mien.toml"), "language", "vi")
        >>> Path("mien.toml").read_text()
        'language = "vi"\\n'
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    replaced, count = _line_of(name).subn(lambda match: line + match["rest"], text, count=1)
    new = replaced if count else f"{line}\n{text}"
    _write_checked(path, new, _read_toml(path) | {name: value})


def erase_setting(path: Path, name: str) -> bool:
    """Take one key out of a file; say whether it was there.

    Example:
        >>> mien.erase_setting(Path("mien.toml"), "language")
        True
    """
    values = _read_toml(path)
    if name not in values:
        return False
    new = re.sub(_line_of(name).pattern + r"\n?", "", path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    _write_checked(path, new, {key: value for key, value in values.items() if key != name})
    return True


def _line_of(name: str) -> re.Pattern[str]:
    """The line that sets a key: the value is a string or a plain word; what follows it is the group "rest"."""
    value = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s#"']+)"""
    return re.compile(rf"^[ \t]*{name}[ \t]*=[ \t]*{value}(?P<rest>[^\n]*)$", re.MULTILINE)


def _write_checked(path: Path, text: str, expected: Mapping[str, object]) -> None:
    """Write a file only if it says exactly what it should."""
    import tomllib

    try:
        same = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise SettingsError(f"{path} cannot be changed line by line: edit it by hand")
    write_whole_text(path, text)


def _read_toml(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise SettingsError(f"{path} is not valid TOML: {reason}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Found]:
    """What environment variables choose. A variable that is nearly one of mien's is a typing error."""
    ours = {variable(name): name for name in names()}
    for name in environment:
        hint = did_you_mean(name, ours, LONG) if name.startswith(PREFIX) and name not in ours else ""
        if hint:
            raise SettingsError(f"environment variable {name} is unknown{hint}")
    return {
        ours[name]: Found(parse(ours[name], text, f"environment variable {name}"), f"environment variable {name}")
        for name, text in environment.items()
        if name in ours and text
    }


def _check(name: str, value: object, origin: str, folder: Path | None = None) -> Value:
    row = _row(name, origin)
    kind = _kind(row)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise SettingsError(f"{origin}: {name} is {_NOUNS[kind]}, not {value!r}")
    if isinstance(value, str):
        return _check_text(row, value, origin, folder)
    assert isinstance(value, int | float)
    if not isfinite(value):
        raise SettingsError(f"{origin}: {name} is a finite number, not {value}")
    if not value >= row.metadata["at_least"]:
        raise SettingsError(f"{origin}: {name} must be at least {row.metadata['at_least']}, not {value}")
    return value


def _check_text(row: Field[Any], value: str, origin: str, folder: Path | None) -> str:
    choices: tuple[str, ...] = row.metadata["choices"]()
    if not value:
        raise SettingsError(f"{origin}: {row.name} is empty")
    if choices and value not in choices:
        hint = did_you_mean(value, choices)
        raise SettingsError(f"{origin}: {row.name} is one of {', '.join(choices)}, not '{value}'{hint}")
    return _beside(value, folder) if row.metadata["model"] and folder is not None else value


_NOUNS: dict[type[Value], str] = {str: "a text", int: "a whole number", float: "a number"}


def _kind(row: Field[Any]) -> type[str] | type[int] | type[float]:
    """The type of a setting's values."""
    kind: type[str] | type[int] | type[float] = type(getattr(DEFAULTS, row.name))
    return kind


def _beside(model: str, folder: Path) -> str:
    """A model's path, seen from the folder of the file that names it; a bare name stays."""
    is_path = model.endswith(".toml") or "/" in model or os.sep in model
    return str(folder / Path(model).expanduser()) if is_path else model


def _row(name: str, origin: str) -> Field[Any]:
    for row in fields(Settings):
        if row.name == name:
            return row
    hint = did_you_mean(name, names()) or "; see `mien config list`"
    raise SettingsError(f"{origin}: there is no setting '{name}'{hint}")
