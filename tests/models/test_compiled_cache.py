"""Compiled networks: kept whole, found again, never believed when damaged, bounded, gone with their model."""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import CardError
from mien.library.import_model import ModelHints, import_model
from mien.models import compiled_cache, openvino_engine, store
from mien.models.compiled_cache import CompiledNetwork, find, forget, keep, key_of
from mien.models.golden import golden_image
from mien.models.options import EngineOptions
from mien.models.session import CompiledSession

Make = Callable[..., bytes]
F32 = EngineOptions(engine="openvino", precision="f32")
IMAGES = np.stack([golden_image(seed, 112, 112) for seed in range(2)])


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    return tmp_path / compiled_cache.FOLDER


@pytest.fixture
def model(make_recognizer: Make) -> store.Model:
    return store.save(*import_model(make_recognizer(), "net", ModelHints(colour="RGB")))


def opened(model: store.Model, options: EngineOptions = F32) -> CompiledSession:
    session = model.session(options=options)
    assert isinstance(session, CompiledSession)
    return session


def network(size: int, batchable: bool = True) -> CompiledNetwork:
    return CompiledNetwork(np.arange(size, dtype=np.uint8), batchable)


@pytest.mark.parametrize("batchable", [True, False])
def test_what_is_kept_is_found_again(own_home: Path, batchable: bool) -> None:
    key = key_of("a" * 64, ["engine 1", {"threads": 2}])
    keep(key, network(100, batchable))
    found = find(key)
    assert found is not None
    assert found.batchable is batchable and found.data.tobytes() == bytes(range(100))
    assert stat.S_IMODE(own_home.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in own_home.iterdir()] == [0o600]


def test_another_engine_processor_or_setting_has_another_name() -> None:
    names = {key_of("a" * 64, [version, {"threads": threads}]) for version in ("1", "2") for threads in (1, 2)}
    assert len(names) == 4
    assert key_of("a" * 64, {"x": 1, "y": 2}) == key_of("a" * 64, {"y": 2, "x": 1})


def test_a_damaged_file_counts_as_absent(own_home: Path) -> None:
    keep("net-1", network(300))
    (path,) = own_home.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:10], whole[:-1], whole[:60], whole + b"x", whole.replace(b"network 1", b"network 2")):
        path.write_bytes(damaged)
        assert find("net-1") is None
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert find("net-1") is None
    path.write_bytes(whole)
    assert find("net-1") is not None


def test_the_networks_used_last_stay_within_the_bound(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_BYTES", 1000)
    for number in range(3):
        keep(f"net-{number}", network(250))
    for number, when in ((0, 1), (1, 2), (2, 3)):
        os.utime(own_home / f"net-{number}.bin", (when, when))
    assert find("net-0") is not None  # it is the one used last now
    keep("net-3", network(250))
    assert sorted(path.stem for path in own_home.iterdir()) == ["net-0", "net-2", "net-3"]
    keep("net-4", network(2000))
    assert find("net-4") is None and find("net-3") is not None


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / compiled_cache.FOLDER).write_text("a file where the folder should be")
    keep("net-1", network(10))
    assert find("net-1") is None
    forget("net")


def test_a_second_process_opens_what_the_first_one_compiled(model: store.Model, own_home: Path) -> None:
    first = opened(model)
    second = opened(model)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert second.batchable is first.batchable
    assert np.array_equal(first.run(IMAGES)[0], second.run(IMAGES)[0])
    assert len(list(own_home.iterdir())) == 1
    assert not opened(model, replace(F32, threads=1)).from_cache


def test_a_kept_network_that_the_engine_refuses_is_compiled_again(model: store.Model, own_home: Path) -> None:
    """Its sum is right, so that only the engine can see that it is not a network."""
    answer = model.session(options=F32).run(IMAGES)[0]
    (path,) = own_home.iterdir()
    keep(path.stem, network(200))
    again = opened(model)
    assert not again.from_cache
    assert np.array_equal(again.run(IMAGES)[0], answer)
    assert opened(model).from_cache


def test_a_kept_network_that_answers_something_else_is_compiled_again(
    make_recognizer: Make, model: store.Model, own_home: Path
) -> None:
    answer = model.session(options=F32).run(IMAGES)[0]
    (path,) = own_home.iterdir()
    other = store.save(*import_model(make_recognizer(seed=5), "other", ModelHints(colour="RGB")))
    other.session(options=F32)
    (foreign,) = (one for one in own_home.iterdir() if one != path)
    path.write_bytes(foreign.read_bytes())
    again = opened(model)
    assert not again.from_cache
    assert np.array_equal(again.run(IMAGES)[0], answer)
    assert opened(model).from_cache


def test_a_model_whose_bytes_changed_is_refused_although_it_was_compiled(model: store.Model) -> None:
    model.session(options=F32)
    path = model.folder / "model.onnx"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CardError, match="has sha256"):
        model.session(options=F32)


def test_a_removed_model_leaves_nothing_compiled(model: store.Model, own_home: Path) -> None:
    model.session(options=F32)
    keep(key_of("b" * 64, 1), network(10))
    store.remove("net")
    assert [path.stem[:1] for path in own_home.iterdir()] == ["b"]
    assert store.names() == sorted(store.defaults.DEFAULTS)


def test_networks_that_are_only_tried_are_not_kept(make_recognizer: Make, own_home: Path) -> None:
    store.save(*import_model(make_recognizer(), "net", ModelHints(colour="RGB")))
    assert not own_home.exists()


def test_the_engine_loads_its_model_converter_only_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = openvino_engine.load_openvino()
    assert callable(engine.convert_model)
    with pytest.raises(Exception, match=r"nothing\.onnx"):
        engine.convert_model("nothing.onnx")
