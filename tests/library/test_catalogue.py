"""The catalogue: what ships is complete and honest about its terms; a wrong entry is refused by its key."""

from pathlib import Path

import pytest

from fuzz import mutants
from mien.errors import CardError, ModelNotFoundError
from mien.library.catalogue import read_catalogue
from mien.settings import parse

ENTRY = """
[net]
kind = "recognizer"
family = "embedding"
summary = "a network"
use = "tests"
licence = "ours"
commercial = "yes"
training_data = "ours"
record = "here"
input = { colour = "RGB" }
embedding = { }
"""


def with_file(file: str) -> str:
    """An entry's last line, and a source of one file."""
    return "embedding = { }\nsources = [[{ " + file.replace("DIGEST", "sha256:" + "0" * 64) + " }]]"


def test_the_shipped_catalogue_is_complete() -> None:
    entries = read_catalogue().models
    named = {
        "face-reid-0095",
        "sface-2021dec",
        "auraface-v1",
        "arcface-r50",
        "adaface-r101",
        "edgeface-s",
        "lvface-b",
    }
    assert {*named, "yunet-2023mar", "yunet-2026may", "scrfd-10g", "scrfd-2.5g", "scrfd-500m"} <= set(entries)
    for name, entry in entries.items():
        assert entry.record and entry.licence and entry.use and entry.training_data, name
        assert entry.commercial != "yes" or "non-commercial" not in entry.licence, name
        addresses = [file.url for source in entry.sources for file in source if file.url]
        assert all(address.startswith("https://") for address in addresses), name
    assert entries["adaface-r101"].input.colour == "BGR" and entries["face-reid-0095"].size == 350427 + 2213628


def test_what_is_recommended_may_be_used_by_anybody_and_has_settings_that_exist() -> None:
    known = read_catalogue()
    assert known.recommended is not None and "face-reid-0095" in known.recommended.models
    assert all(known.entry(name).commercial == "yes" for name in known.recommended.models)
    for setting, value in known.recommended.settings.items():
        assert parse(setting, value, "the catalogue") == value


def test_thresholds_of_others_are_shown_and_never_on_a_card() -> None:
    entry = read_catalogue().entry("sface-2021dec")
    assert entry.published_thresholds == "cosine 0.363, L2 1.128" and not hasattr(entry, "thresholds")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('colour = "RGB"', 'colour = "GRB"', "net.input.colour"),
        ('commercial = "yes"', 'commercial = "perhaps"', "net.commercial"),
        ("embedding = { }", "", r"net.*a recognizer needs \[embedding\]"),
        ("embedding = { }", 'embedding = { template = "vgg" }', r"net\.embedding.*a template is arcface"),
        ("embedding = { }", "embedding = { }\nsources = [[]]", "a source without files"),
        ("embedding = { }", with_file('name = "../x", digest = "DIGEST"'), "name"),
        ("embedding = { }", with_file('name = "x", digest = "sha1:00"'), "digest"),
        ("embedding = { }", with_file('name = "x", digest = "DIGEST", package = "a==1"'), "needs its path there"),
        (
            "embedding = { }",
            with_file('name = "x", digest = "DIGEST", package = "--index-url evil==1", member = "m"'),
            "package",
        ),
        ("[net]", "[net", "cannot be read as a catalogue"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(ENTRY)
    assert read_catalogue(path).entry("net").sources == ()
    path.write_text(ENTRY.replace(old, new))
    with pytest.raises(CardError, match=says):
        read_catalogue(path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelNotFoundError, match="arcface-r50"):
        read_catalogue().entry("nobody")


def test_a_damaged_catalogue_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    for damaged in mutants((ENTRY + '[recommended]\nmodels = ["net"]\n').encode(), 300, seed=2):
        path.write_bytes(damaged)
        try:
            read_catalogue(path)
        except CardError as reason:
            assert "own.toml" in str(reason) and "\n" not in str(reason)
