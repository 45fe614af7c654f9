"""mien gallery and mien consent, as a user calls them."""

import json
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.gallery.identity import identity_of
from mien.gallery.records import NewTemplate, Portrait
from mien.gallery.stores import create_store
from mien.models import store as models


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 150 people who are closer together than the card's threshold, one of them under two names."""
    path = tmp_path_factory.mktemp("health") / "people.gallery"
    opened = create_store(path, identity_of(models.load("dlib-resnet").card))
    places = np.random.default_rng(0).normal(0, 0.03, (150, 128)).astype(np.float32)
    places[1] = places[0] + np.float32(1e-4)
    portrait = Portrait(b"x", np.zeros((5, 2), np.float32))
    opened.add([NewTemplate(f"p{n:03d}", f"sha-{n}", place, portrait) for n, place in enumerate(places)])
    return path


def test_a_table_for_people(crowded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", "health", str(crowded)]) == 0
    shown = capsys.readouterr()
    assert "150 people with 150 templates by dlib-resnet; 0 of them have several images" in shown.out
    assert "11,174 pairs of different people" in shown.out
    assert "Pairs that look like one person under two names" in shown.out and "p000" in shown.out
    assert "nobody has two images" in shown.out and "298 more people" in shown.out
    assert "it takes 298 more until they give a threshold" in shown.err


def test_vietnamese(crowded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", "health", str(crowded), "--language", "vi"]) == 0
    assert "150 người với 150 mẫu của dlib-resnet" in capsys.readouterr().out


def test_json_has_every_figure(crowded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("subject,group\n" + "".join(f"p{n:03d},{'ab'[n % 2]}\n" for n in range(150)))
    assert run(["gallery", "health", str(crowded), "--json", "--groups", str(groups)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["people"], value["pairs"], value["unit"]) == (150, 11174, "L2")
    row = next(row for row in value["thresholds"] if row["fmr"] == 1e-3)
    assert (
        row["card_value"] == models.load("dlib-resnet").card.threshold(1e-3).value
        and row["card_fmr"][1] > 1e-3
        and row["value"] < row["card_value"]
    )
    assert row["people_missing"] == 0 and row["fnmr"] is None
    assert [(pair["a"], pair["b"]) for pair in value["duplicates"]] == [("p000", "p001")]
    assert {(one["a"], one["b"]) for one in value["groups"]} == {("a", "a"), ("a", "b"), ("b", "b")}
    assert value["decides"]["fmr"] == 1e-3 and "(asian)" in value["notes"][1], "stricter than what 150 people show"


def test_another_recognizer_is_refused(crowded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", "health", str(crowded), "--recognizer", "mien-r29"]) == 3
    assert "holds embeddings of dlib-resnet" in capsys.readouterr().err


def test_a_gallery_that_needs_consent_enrols_and_finds_nobody_without_it(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, collins = str(tmp_path / "g"), str(people / "collins.jpg")
    assert run(["gallery", "create", path, "--recognizer", "dlib-resnet", "--keep", "none"]) == 0
    run(["enrol", path, str(people / "enrol")])
    assert run(["gallery", "settings", path, "--consent", "--grace", "30", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert shown == {"keep": "none", "requires_consent": True, "grace_days": 30.0}
    assert run(["identify", path, collins, "--json"]) == 1
    capsys.readouterr()
    assert run(["enrol", path, "--subject", "Eileen Collins", collins]) == 3
    assert "no consent" in capsys.readouterr().out
    assert run(["consent", path, "Eileen Collins", "--purpose", "entry", "--until", "2126-01-01"]) == 0
    assert "(entry) ends at 2126-01-01T00:00:00+00:00" in capsys.readouterr().out
    assert run(["identify", path, collins, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"][0]["decision"] == "Eileen Collins"
    assert run(["consent", path, "Eileen Collins", "--end", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["consent"]["purpose"] == "entry"
    assert run(["identify", path, collins, "--json"]) == 1
    assert run(["gallery", "settings", path, "--grace", "0"]) == 0
    capsys.readouterr()
    assert run(["gallery", "erase-expired", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["erased"] == 1
    assert run(["subjects", path, "--json"]) == 0
    assert [json.loads(line)["subject"] for line in capsys.readouterr().out.splitlines()] == ["Grace Hopper"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["consent", "G", "Eileen Collins"],
        ["consent", "G", "Eileen Collins", "--purpose", "x", "--end"],
        ["consent", "G", "Eileen Collins", "--purpose", "x", "--until", "tomorrow"],
        ["gallery", "settings", "G", "--grace", "long"],
    ],
)
def test_a_consent_or_setting_that_says_nothing_is_a_wrong_command(gallery: Path, arguments: list[str]) -> None:
    assert run([str(gallery) if one == "G" else one for one in arguments]) == 2


def test_a_way_of_keeping_that_does_not_exist_is_refused(gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", "settings", str(gallery), "--keep", "all"]) == 3
    assert "a gallery keeps portrait or none, not 'all'" in capsys.readouterr().err
