"""The store: where models lie, and that it never holds half of one."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import CardError, ModelNotFoundError
from mien.library.import_model import ModelHints, import_model
from mien.models import defaults, store
from mien.models.card import ThresholdRow
from mien.models.report import examine

Make = Callable[..., bytes]


def test_the_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "a"))
    assert store.home() == tmp_path / "a"
    monkeypatch.delenv("MIEN_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "b"))
    assert store.home() == tmp_path / "b" / "mien"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.home() == tmp_path / ".local" / "share" / "mien"


def test_default_models_appear_when_they_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    assert store.names() == ["dlib-resnet", "mien-face", "mien-r29", "mtcnn"] and not store.is_stored("mtcnn")
    assert set(store.load("mtcnn").card.files) == {"pnet", "rnet", "onet"}
    assert store.is_stored("mtcnn")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mtcnn"]


def test_a_default_model_that_an_older_version_stored_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    new = store.load("mien-face")
    (old,) = defaults.FORMER_WEIGHTS["mien-face"]
    bytes_of_old = b"the weights of version 0.5"
    file = new.card.files["model"].model_copy(
        update={"sha256": hashlib.sha256(bytes_of_old).hexdigest(), "converted_from": old}
    )
    store.save(new.card.model_copy(update={"files": {"model": file}}), {"model": bytes_of_old})
    again = store.load("mien-face")
    assert again.card == new.card
    assert (again.folder / "model.onnx").read_bytes() != bytes_of_old
    assert store.load("mien-face").card == new.card


def test_a_users_own_model_under_a_default_name_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    shipped = store.load("mien-face")
    own = b"trained by the user"
    file = shipped.card.files["model"].model_copy(
        update={"sha256": hashlib.sha256(own).hexdigest(), "converted_from": None}
    )
    store.save(shipped.card.model_copy(update={"files": {"model": file}}), {"model": own})
    assert (store.load("mien-face").folder / "model.onnx").read_bytes() == own


def test_no_former_weights_are_those_that_ship() -> None:
    shipped = {weights.sha256 for one in defaults.DEFAULTS.values() for weights in one.parts.values()}
    former = [sha256 for each in defaults.FORMER_WEIGHTS.values() for sha256 in each]
    assert former and not shipped & set(former)
    assert set(defaults.FORMER_WEIGHTS) <= set(defaults.DEFAULTS)


def test_saving_replaces_and_leaves_nothing_behind(make_recognizer: Make) -> None:
    for seed in (1, 2):
        store.save(*import_model(make_recognizer(seed=seed), "net-replaced", ModelHints(colour="RGB")))
    store.load("net-replaced").session()
    assert not [path for path in store.models_folder().iterdir() if path.name.startswith(".")]


def test_bytes_that_do_not_fit_the_card_are_not_saved(make_recognizer: Make) -> None:
    card, _ = import_model(make_recognizer(seed=1), "net-unfit", ModelHints(colour="RGB"))
    with pytest.raises(CardError, match="do not have the sha256"):
        store.save(card, {"model": b"other"})
    assert not store.is_stored("net-unfit")


def test_models_load_by_name_card_and_folder(make_recognizer: Make) -> None:
    model = store.save(*import_model(make_recognizer(), "net-paths", ModelHints(colour="RGB")))
    for way in ("net-paths", str(model.folder), str(model.folder / "card.toml")):
        assert store.load(way).card == model.card


def test_unknown_models_name_the_remedy() -> None:
    with pytest.raises(ModelNotFoundError, match="mien models pull"):
        store.load("nobody")
    with pytest.raises(ModelNotFoundError, match="mien models list"):
        store.remove("nobody")


@pytest.mark.parametrize("path", ["{outside}", "../../outside", "../models/../../outside", ".", "..", ""])
def test_removing_a_path_deletes_no_folder(make_recognizer: Make, tmp_path: Path, path: str) -> None:
    """`mien models remove /abs/path` deleted any folder that held a card.toml, with everything in it."""
    outside = tmp_path / "outside"
    model = store.save(*import_model(make_recognizer(), "net-outside", ModelHints(colour="RGB")))
    model.folder.rename(outside)
    (outside / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelNotFoundError, match=r"is not a name of a model .*mien models list"):
        store.remove(path.format(outside=outside))
    assert (outside / "thesis.txt").read_text() == "years of work"
    assert not store.is_stored(str(outside)) and store.load(str(outside)).card == model.card


def test_removing_a_link_leaves_what_it_points_to(make_recognizer: Make, tmp_path: Path) -> None:
    model = store.save(*import_model(make_recognizer(), "net-linked", ModelHints(colour="RGB")))
    model.folder.rename(tmp_path / "kept")
    model.folder.symlink_to(tmp_path / "kept")
    store.remove("net-linked")
    assert not model.folder.exists() and (tmp_path / "kept" / "card.toml").is_file()


def test_the_report_finds_damage_and_names_the_command(make_recognizer: Make) -> None:
    model = store.save(*import_model(make_recognizer(), "net-damaged", ModelHints(colour="RGB")))
    assert any(f.topic == "model net-damaged" and f.state == "good" for f in examine())
    (model.folder / "model.onnx").write_bytes(b"damaged")
    finding = next(f for f in examine() if f.topic == "model net-damaged")
    assert finding.state == "bad" and finding.remedy == "mien models remove net-damaged"
    store.remove("net-damaged")
    topics = {f.topic for f in examine()}
    assert {
        "python",
        "processor",
        "precision",
        "openvino",
        "dlib-bin",
    } <= topics and "model net-damaged" not in topics


def test_a_default_s_card_of_an_older_version_gets_the_figures_that_ship_now() -> None:
    """The same files and the same protocol: its thresholds knew no groups then."""
    model = store.load("dlib-resnet")
    old = model.card.model_copy(
        update={
            "thresholds": tuple(row.model_copy(update={"strata": None}) for row in model.card.thresholds),
            "group_thresholds": (),
        }
    )
    store.rewrite_card(model, old)
    again = store.load("dlib-resnet").card
    assert again.threshold(1e-3).worst_group is not None and again.group_thresholds
    assert again.contract == old.contract


def test_thresholds_that_the_user_measured_stay() -> None:
    model = store.load("dlib-resnet")
    own = tuple(row.model_copy(update={"value": 0.5, "protocol": "our people"}) for row in model.card.thresholds)
    changed = store.rewrite_card(model, model.card.model_copy(update={"thresholds": own}))
    assert store.load("dlib-resnet").card == changed.card
    store.rewrite_card(model, model.card)


def test_a_threshold_that_is_no_number_never_gets_on_a_card(make_recognizer: Make) -> None:
    """A value that is put into a card later is not looked at by its schema; the card could never be read again."""
    model = store.save(*import_model(make_recognizer(), "net-nan", ModelHints(colour="RGB")))
    row = ThresholdRow.model_construct(value=float("nan"), unit="cosine", fmr=0.01, protocol="x")
    worse = model.card.model_copy(update={"thresholds": (row,)})
    for write in (
        lambda: store.rewrite_card(model, worse),
        lambda: store.save(worse, {"model": (model.folder / "model.onnx").read_bytes()}),
    ):
        with pytest.raises(CardError, match=r"card of net-nan: thresholds\.0\.value: .*finite number"):
            write()
    assert store.load("net-nan").card == model.card
