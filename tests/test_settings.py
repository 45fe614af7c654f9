"""Settings: four places, each over the one before; wrong keys and values are named with the nearest right one."""

from dataclasses import fields
from pathlib import Path

import pytest

from mien.errors import SettingsError
from mien.settings import (
    DEFAULTS,
    Settings,
    about,
    erase_setting,
    find_settings,
    load_settings,
    names,
    parse,
    project_file,
    read_file,
    user_file,
    variable,
    write_setting,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project's folder with a folder in it, and no settings."""
    (tmp_path / "project" / "inner").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_any_file_the_defaults_hold(place: Path, environment: dict[str, str]) -> None:
    assert load_settings(place, environment) == DEFAULTS == Settings()
    assert {found.origin for found in find_settings(place, environment).values()} == {"default"}


def test_each_place_goes_over_the_one_before(place: Path, environment: dict[str, str]) -> None:
    user = write(user_file(environment), 'detector = "yunet"\nrecognizer = "a"\nengine = "openvino"\nlanguage = "vi"')
    project = write(place / "mien.toml", 'recognizer = "b"\nengine = "onnxruntime"\nthreads = 2')
    environment |= {"MIEN_ENGINE": "openvino", "MIEN_THREADS": "3", "MIEN_LANGUAGE": ""}
    found = find_settings(place / "inner", environment)
    expected = {
        "detector": ("yunet", str(user)),
        "language": ("vi", str(user)),
        "recognizer": ("b", str(project)),
        "engine": ("openvino", "environment variable MIEN_ENGINE"),
        "threads": (3, "environment variable MIEN_THREADS"),
        "precision": ("auto", "default"),
    }
    assert {name: (found[name].value, found[name].origin) for name in expected} == expected
    settings = load_settings(place / "inner", environment)
    assert (settings.detector, settings.recognizer, settings.threads) == ("yunet", "b", 3)


def test_the_nearest_project_file_counts(place: Path, environment: dict[str, str]) -> None:
    write(place / "mien.toml", 'recognizer = "outer"')
    assert load_settings(place / "inner", environment).recognizer == "outer"
    write(place / "inner" / "mien.toml", 'detector = "yunet"')
    assert load_settings(place / "inner", environment).recognizer == DEFAULTS.recognizer
    assert project_file(place / "inner") == place / "inner" / "mien.toml"


def test_the_current_folder_is_where_the_search_starts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "mien.toml", 'recognizer = "here"')
    monkeypatch.chdir(place / "inner")
    assert load_settings().recognizer == "here"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('detecter = "x"', "there is no setting 'detecter'; did you mean detector?"),
        ('engine = "openvin"', "engine is one of auto, onnxruntime, openvino, not 'openvin'; did you mean openvino?"),
        ('precision = "f16"', "precision is one of auto, f32, bf16, not 'f16'"),
        ("threads = -1", "threads must be at least 0, not -1"),
        ("threads = 1.5", "threads is a whole number, not 1.5"),
        ("threads = true", "threads is a whole number, not True"),
        ("decode_memory_mb = 0", "decode_memory_mb must be at least 1"),
        ('verification_fmr = "low"', "verification_fmr is a number, not 'low'"),
        ("verification_fmr = nan", "verification_fmr is a finite number, not nan"),
        ('language = ""', "language is empty"),
        ("language = 3", "language is a text, not 3"),
        ("[detector]\nname = 3", "detector is a text"),
        ("detector", "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(place: Path, environment: dict[str, str], text: str, says: str) -> None:
    path = write(place / "mien.toml", text)
    with pytest.raises(SettingsError) as caught:
        load_settings(place, environment)
    assert says in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MIEN_ENGINE", "steam", "environment variable MIEN_ENGINE: engine is one of auto"),
        ("MIEN_THREADS", "many", "environment variable MIEN_THREADS: threads is a whole number, not 'many'"),
        ("MIEN_RECOGNISER", "x", "MIEN_RECOGNISER is unknown; did you mean MIEN_RECOGNIZER?"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    place: Path, environment: dict[str, str], name: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=r"MIEN_") as caught:
        load_settings(place, environment | {name: value})
    assert says in str(caught.value)


def test_variables_of_other_uses_are_left_alone(place: Path, environment: dict[str, str]) -> None:
    assert (
        load_settings(place, environment | {"MIEN_HOME": "/x", "MIEN_TEST_DATA": "/y", "MIEN_MESSAGES": "/z"})
        == DEFAULTS
    )


def test_a_path_of_a_model_is_taken_from_its_file(place: Path, environment: dict[str, str]) -> None:
    write(place / "mien.toml", 'recognizer = "models/own/card.toml"\ndetector = "yunet"')
    settings = load_settings(place / "inner", environment)
    assert settings.recognizer == str(place / "models/own/card.toml") and settings.detector == "yunet"


def test_a_whole_number_serves_where_a_number_is_expected(place: Path) -> None:
    value = read_file(write(place / "mien.toml", "verification_fmr = 0"))["verification_fmr"]
    assert value == 0.0 and isinstance(value, float)


def test_setting_a_key_keeps_everything_else(place: Path) -> None:
    path = write(place / "mien.toml", "# ours\nengine = 'openvino'  # as measured\n\nthreads = 2\n")
    write_setting(path, "engine", "onnxruntime")
    write_setting(path, "language", 'a "quoted" ế')
    assert path.read_text() == (
        'language = "a \\"quoted\\" ế"\n# ours\nengine = "onnxruntime"  # as measured\n\nthreads = 2\n'
    )
    assert erase_setting(path, "engine") and not erase_setting(path, "engine")
    assert path.read_text() == 'language = "a \\"quoted\\" ế"\n# ours\n\nthreads = 2\n'


def test_a_file_that_only_a_person_can_edit_stays_as_it_is(place: Path) -> None:
    text = 'detector = """\nyunet"""\n'
    path = write(place / "mien.toml", text)
    with pytest.raises(SettingsError, match="edit it by hand"):
        write_setting(path, "detector", "mtcnn")
    assert path.read_text() == text


def test_the_table_is_complete() -> None:
    assert names() == tuple(row.name for row in fields(Settings)) and len(set(names())) == len(names())
    for name in names():
        assert about(name).endswith(".") and variable(name) == f"MIEN_{name.upper()}"
        value = getattr(DEFAULTS, name)
        assert parse(name, str(value), "here") == value


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ".config/mien/mien.toml"),
        ("darwin", "Library/Application Support/mien/mien.toml"),
    ],
)
def test_the_users_file_follows_the_system(
    platform: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.settings.sys.platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_file({}) == tmp_path / expected
    assert user_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/mien/mien.toml")
