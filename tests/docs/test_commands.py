"""Every `mien` command that a page shows exists, with each of its options."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mien.cli.verbs import VERBS, load_verb

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("README*.md", "docs/tutorials/*.md", "docs/vi/*.md", "docs/guide/*.md", "CONTRIBUTING.md")
    for path in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


verb = cache(load_verb)


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command line that begins with `mien`, continued lines joined."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["$"]:
                words = words[1:]
            if "mien" in words[:1]:
                yield words[1:]


def fault(words: list[str]) -> str | None:
    """What of a command line does not exist."""
    if not words or words[0].startswith("-"):
        return None if set(words) <= {"--help", "--version"} else f"no option '{words[0]}'"
    if words[0] not in VERBS:
        return f"no verb '{words[0]}'"
    command, left = verb(words[0]), words[1:]
    while hasattr(command, "commands") and left and not left[0].startswith("-"):
        if left[0].isupper():
            return None
        if left[0] not in command.commands:
            return f"no verb '{left[0]}'"
        command, left = command.commands[left[0]], left[1:]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help", "--version"}
    for word in left:
        name = word.split("=")[0]
        if re.match(r"--?[a-z]", name) and name not in known:
            return f"no option '{name}'"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_only_commands_that_exist(page: Path) -> None:
    faults = {" ".join(words): found for words in commands(page) if (found := fault(words))}
    assert faults == {}


def test_commands_are_found_at_all() -> None:
    assert len(PAGES) > 30 and sum(len(list(commands(page))) for page in PAGES) > 100


def test_a_misspelt_verb_or_option_is_noticed() -> None:
    assert fault(["enroll", "a", "b"]) == "no verb 'enroll'"
    assert fault(["compare", "a", "b", "--fmrr", "0.1"]) == "no option '--fmrr'"
    assert fault(["data", "prepare", "a", "--out", "b"]) is None
