"""Adding a file: its name, its hints, its role, and what cannot be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import CardError
from mien.library.add import PortraitRole, add_model, name_of, needs_colour
from mien.library.import_model import ModelHints
from mien.models import store
from mien.models.card import PortraitModelSpec

Make = Callable[..., bytes]


@pytest.fixture
def net(make_recognizer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    file = tmp_path / "My Net.onnx"
    file.write_bytes(make_recognizer())
    return file


def test_a_file_gives_its_name_and_its_source(net: Path) -> None:
    assert name_of(net) == "my-net" and needs_colour(net)
    with pytest.raises(CardError, match="--colour RGB or --colour BGR"):
        add_model(net)
    model = add_model(net, hints=ModelHints(colour="RGB"))
    assert model.card.name == "my-net" and store.load("my-net").card == model.card
    assert add_model(net, "other", hints=ModelHints(colour="RGB")).card.name == "other"


def test_a_model_for_portraits_has_its_role_on_the_card(net: Path) -> None:
    role = PortraitRole("quality", PortraitModelSpec(output="score", high=9))
    card = add_model(net, "quality-net", hints=ModelHints(colour="RGB"), role=role).card
    assert (card.family, card.embedding) == ("quality", None) and card.expert == role.spec


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"none.onnx cannot be read: No such file"):
        add_model(tmp_path / "none.onnx")
