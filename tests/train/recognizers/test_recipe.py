"""Recipes of recognizers: their keys follow from the tables of heads, backbones and augmentations."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import losses_of, recognizer_recipe, shortest_recipe  # noqa: E402
from pydantic import Field  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402
from mien.train.recognizers import augment as augmenting  # noqa: E402
from mien.train.recognizers import heads  # noqa: E402
from mien.train.recognizers.augment import AUGMENTATIONS, CropAugmentation  # noqa: E402
from mien.train.recognizers.backbones.backbone import Backbone, BackboneKind, WeightLayout  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, spec_of  # noqa: E402
from mien.train.recognizers.heads import HEADS, Head  # noqa: E402
from mien.train.recognizers.recipe import GuardSettings, RecognizerRecipe  # noqa: E402
from mien.train.recognizers.weights import read_weights  # noqa: E402

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide"


@dataclass(slots=True)
class Shouting(Head):
    """A head with a number of its own."""

    scale: heads.Positive = 8.0
    loudness: Annotated[float, Field(ge=1)] = 2.0

    def of_target(self, cosine: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return cosine / self.loudness


class Tiny(Backbone):
    """A backbone of two layers."""

    STAGES = (("first.",), ("last.",))

    def __init__(self, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.first = torch.nn.Conv2d(3, 4, 7, 7)
        self.last = torch.nn.Linear(4, embedding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).mean((2, 3)))


TINY = BackboneKind(Tiny, WeightLayout("first.bias", "last.weight", "trained here: RGB"))


def parse(**changes: object) -> RecognizerRecipe:
    recipe = parse_recipe(shortest_recipe(**changes), "r.toml")
    assert isinstance(recipe, RecognizerRecipe)
    return recipe


def test_a_made_up_head_is_one_class_and_one_line(
    monkeypatch: pytest.MonkeyPatch, face_pack: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(HEADS, "shouting", Shouting)
    recipe = parse(head={"name": "shouting", "loudness": 3.5, "sample": 0.5})
    assert recipe.head.make() == Shouting(scale=8.0, loudness=3.5)
    assert tomllib.loads(format_recipe(recipe))["head"] == {
        "name": "shouting",
        "sample": 0.5,
        "scale": 8.0,
        "margin": 0.0,
        "centres": 1,
        "filter": 0.0,
        "products": "auto",
        "loudness": 3.5,
    }
    assert parse_recipe(tomllib.loads(format_recipe(recipe)), "again") == recipe
    with pytest.raises(RecipeError, match=r"head\.loudnes is not a setting; did you mean loudness\?"):
        parse(head={"name": "shouting", "loudnes": 3})
    with pytest.raises(RecipeError, match=r"head\.loudness: .*greater than or equal to 1"):
        parse(head={"name": "shouting", "loudness": 0.5})
    with pytest.raises(RecipeError, match=r"head\.name: there is no head 'shoutin'; did you mean shouting\?"):
        parse(head={"name": "shoutin", "loudness": 3})
    monkeypatch.setitem(BACKBONES, "tiny", TINY)
    model = {"backbone": "tiny", "embedding": 16}
    recipe = recognizer_recipe(face_pack, head={"name": "shouting"}, model=model, schedule={"steps": 1})
    train(recipe, tmp_path / "run")
    assert np.isfinite(losses_of(tmp_path / "run")).all()


def test_a_head_has_only_its_own_keys() -> None:
    with pytest.raises(RecipeError, match=r"head\.factor is not a setting"):
        parse(head={"name": "cosface", "factor": 1.0})
    assert parse(head={"name": "combined", "factor": 1.5}).head.make() == heads.Combined(factor=1.5)


@pytest.mark.parametrize(
    ("key", "value"),
    [("scale", 0), ("margin", -0.1), ("centres", 0), ("momentum", 0), ("momentum", 1.1), ("concentration", 0)],
)
def test_numbers_of_heads_have_limits(key: str, value: float) -> None:
    with pytest.raises(RecipeError, match=rf"head\.{key}: "):
        parse(head={"name": "adaface", key: value})


def test_a_made_up_backbone_is_one_class_and_one_line(
    monkeypatch: pytest.MonkeyPatch, face_pack: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(BACKBONES, "tiny", TINY)
    recipe = recognizer_recipe(face_pack, model={"backbone": "tiny", "embedding": 16}, schedule={"steps": 2})
    last = train(recipe, tmp_path / "run").checkpoint
    assert np.isfinite(losses_of(tmp_path / "run")).all()
    found = read_weights(last / "state.pt")
    assert (found.backbone, found.embedding, found.spec) == ("tiny", 16, spec_of("tiny"))
    torch.save({f"net.{key}": value for key, value in found.state.items()}, tmp_path / "theirs.pt")
    assert read_weights(tmp_path / "theirs.pt").note == "trained here: RGB"
    with pytest.raises(RecipeError, match=r"model\.backbone: there is no backbone 'tinny'; did you mean tiny\?"):
        parse(model={"backbone": "tinny"})


def test_a_made_up_augmentation_is_one_function_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def invert(crop: np.ndarray, landmarks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return 255 - crop

    monkeypatch.setitem(AUGMENTATIONS, "invert", CropAugmentation(invert, probability=0.25))
    assert parse().augment.probabilities()["invert"] == 0.25
    probabilities = parse(augment={"invert": 1.0, "mirror": 0.0}).augment.probabilities()
    crop = np.full((112, 112, 3), 200, np.uint8)
    changed = augmenting.augment(crop, "arcface", probabilities, np.random.default_rng(0))
    assert (changed == 55).all()
    with pytest.raises(RecipeError, match=r"augment\.inverse is not a setting; did you mean invert\?"):
        parse(augment={"inverse": 1.0})


def test_only_the_mirror_is_on_unless_a_recipe_says_so() -> None:
    assert parse().augment.probabilities() == dict.fromkeys(AUGMENTATIONS, 0.0) | {"mirror": 0.5}


def test_the_guard_allows_half_a_point_at_one_false_match_in_a_thousand() -> None:
    assert parse().guard == GuardSettings(fmr=1e-3, allowed=0.005)


@pytest.mark.parametrize(
    ("guide", "names"),
    [("heads", HEADS), ("augmentation", AUGMENTATIONS), ("training", BACKBONES)],
)
def test_the_guides_list_what_the_tables_have(guide: str, names: dict[str, object]) -> None:
    text = (GUIDE / f"{guide}.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []
