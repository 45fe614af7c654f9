"""The table of verbs: complete, true to the verbs, and cheap; light verbs import no heavy package."""

import inspect
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import typer

from mien import __version__
from mien.cli import run, verbs
from mien.cli.verbs import VERBS, Verb, load_verb
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.stores.sqlite import SqliteStore

HEAVY = ("scipy", "matplotlib", "onnx", "faiss", "pyarrow", "openvino", "cv2", "torch", "pandas", "sklearn", "joblib")
LIGHT = (*HEAVY, "numpy", "PIL", "pydantic", "rich.console")
"""What verbs that open no model and no image do without; pydantic alone would double their time."""


@pytest.mark.parametrize("name", VERBS)
def test_the_help_of_the_table_is_the_help_of_the_verb(name: str) -> None:
    module, attribute = VERBS[name].home.split(":")
    found = getattr(import_module(f"mien.cli.{module}"), attribute)
    expected = found.info.help if isinstance(found, typer.Typer) else inspect.getdoc(found).splitlines()[0]
    assert VERBS[name].help == expected, "change the line in mien/cli/verbs.py with the verb's own"


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    command = load_verb(name)
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        assert f"mien {name}" in shown.split("Example")[1]
        return
    assert len(subcommands) > 0
    for sub, found in subcommands.items():
        assert found.hidden or (sub in shown and f"mien {name} {sub}" in found.help.split("Example")[1])


def test_the_help_shows_every_line_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {verb.help}" in shown for name, verb in VERBS.items())


def test_a_new_verb_is_one_line_of_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(VERBS, "greet", Verb("greeting:greet", "Say hello to somebody."))
    module = type(sys)("mien.cli.greeting")

    def greet(name: str) -> int:
        """Say hello to somebody."""
        typer.echo(f"hello {name}")
        return 1

    module.greet = greet
    monkeypatch.setitem(sys.modules, "mien.cli.greeting", module)
    assert run(["greet", "An"]) == 1 and capsys.readouterr().out == "hello An\n"
    assert run(["--help"]) == 0 and "Say hello to somebody." in capsys.readouterr().out


def test_a_verb_with_a_typing_error_gets_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["identfy", "a", "b"]) == 2
    assert "Did you mean 'identify'" in capsys.readouterr().err


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mien {__version__}\n"


def program(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run mien in a process of its own; the last line of standard error lists the modules it imported."""
    code = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from mien.cli import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"MIEN_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "unneeded", "max_modules"),
    [
        (["--help"], LIGHT, 170),
        (["--version"], LIGHT, 170),
        (["config", "list"], LIGHT, 210),
        (["config", "get", "detector"], LIGHT, 210),
        (["subjects", "GALLERY"], LIGHT, 215),
        (["subjects", "GALLERY", "--json"], LIGHT, 215),
        (["convert-threshold", "1.1", "--from", "l2"], LIGHT, 210),
        (["doctor"], (*HEAVY, "PIL", "rich.console", "onnxruntime"), 420),
    ],
)
def test_light_verbs_import_little(
    arguments: list[str], unneeded: tuple[str, ...], max_modules: int, tmp_path: Path
) -> None:
    path = str(tmp_path / "people.gallery")
    store = SqliteStore.create(path, Identity("c", "m", "l2", 4))
    portrait = Portrait(b"jpeg", np.zeros((5, 2), np.float32))
    store.add([NewTemplate("An", "sha", np.ones(4, np.float32), portrait)])
    store.close()
    done = program(*(path if argument == "GALLERY" else argument for argument in arguments), home=tmp_path)
    modules = imported(done)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "a verb that shows nothing would prove nothing"
    assert not modules & set(unneeded)
    assert len(modules) <= max_modules


def complete(words: str, home: Path) -> tuple[list[str], set[str]]:
    """What bash is offered after some words, and the modules that were imported."""
    done = program(
        home=home, _MIEN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1)
    )
    return done.stdout.split(), imported(done)


def test_completion_offers_verbs_without_importing_them(tmp_path: Path) -> None:
    offered, modules = complete("mien ", tmp_path)
    assert offered == list(VERBS)
    assert {name for name in modules if name.startswith("mien.")} == {
        "mien.cli",
        "mien.cli.exit_codes",
        "mien.cli.plain_values",
        "mien.cli.verbs",
        "mien.errors",
        "mien.version",
    }
    assert complete("mien ident", tmp_path)[0] == ["identify"]


def test_completion_offers_options_of_a_verb_and_verbs_of_a_group(tmp_path: Path) -> None:
    assert complete("mien config ", tmp_path)[0] == ["get", "set", "unset", "list"]
    assert complete("mien config set --p", tmp_path)[0] == ["--project"]


def test_completion_can_be_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "--install-completion" in shown and "--show-completion" in shown


def test_the_module_of_a_verb_is_imported_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(verbs, "import_module", lambda name: asked.append(name) or import_module(name))
    assert run(["--help"]) == 0 and asked == []
    assert run(["config", "--help"]) == 0 and asked == ["mien.cli.config"]
