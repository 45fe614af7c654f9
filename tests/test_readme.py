"""The README promises what happens, and stays short enough to be read."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import run
from mien.data.sample_people import PORTRAITS
from mien.gallery.tour import make_images
from mien.image import read_image
from mien.models.defaults import package_file
from mien.output_names import OutputGuard
from mien.save_image import encode_to
from mien.types import Box

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.vi.md")
HEADS = {"Eileen Collins": Box(177, 63, 266, 171), "Grace Hopper": Box(169, 107, 356, 337)}
NUMBER = re.compile(r"\d+\.\d+|\d+")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def block(name: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", text(name), re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def after_the_tour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the images that `mien tour` leaves."""
    folder = tmp_path_factory.mktemp("readme")
    portraits = {name: read_image(package_file(*where)) for name, where in PORTRAITS.items()}
    make_images(portraits, HEADS, folder / "mien-tour/images", OutputGuard())
    for name, image in portraits.items():
        (folder / "mien-tour/enrolled" / name).mkdir(parents=True)
        encode_to(folder / "mien-tour/enrolled" / name / "portrait.png", image)
    return folder


def agrees(expected: str, line: str) -> bool:
    """Whether a line is the expected one, with numbers as near as another processor computes them."""
    expected = expected.partition("...")[0]
    words, found = NUMBER.split(expected), NUMBER.split(line)
    numbers, given = NUMBER.findall(expected), NUMBER.findall(line)
    same = [" ".join(one.split()) for one in words[:-1]] == [" ".join(one.split()) for one in found[: len(words) - 1]]
    near = all(abs(float(a) - float(b)) <= max(0.02, 0.01 * float(a)) for a, b in zip(numbers, given, strict=False))
    return same and near and len(given) >= len(numbers) > 0


@pytest.mark.parametrize("name", READMES)
def test_the_quickstart_prints_what_the_readme_shows(
    name: str, after_the_tour: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(after_the_tour)
    (after_the_tour / "people.gallery").unlink(missing_ok=True)
    printed: list[str] = []
    compared = 0
    for line in block(name, "console").splitlines():
        if line.startswith("$ mien "):
            words = shlex.split(line.removeprefix("$ mien "))
            if words != ["tour"]:
                assert run(words) == 0, line
                done = capsys.readouterr()
                printed = (done.out + done.err).splitlines()
        else:
            assert any(agrees(line, one) for one in printed), (line, printed)
            compared += 1
    assert compared == 4


def test_the_python_example_prints_what_its_comments_say(after_the_tour: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", block("README.md", "python")]
    done = subprocess.run(command, check=True, cwd=after_the_tour, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["match 0.2 L2", "Eileen Collins True", "Grace Hopper True"]


@pytest.mark.parametrize("name", READMES)
def test_the_readme_is_read_in_a_minute(name: str) -> None:
    assert len(text(name).splitlines()) <= 150


@pytest.mark.parametrize("name", READMES)
def test_every_link_of_the_readme_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#([a-z0-9-]+))?\)", text(name))
    assert len(links) > 30
    for target, anchor in links:
        if not target.startswith("https:"):
            assert (ROOT / target).exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", text(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}, anchor
