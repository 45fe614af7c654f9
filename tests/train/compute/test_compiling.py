"""Whether and how a network is compiled: what is measured, what is kept, and what a recipe decides."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute import compiling  # noqa: E402
from mien.train.compute.compiling import MIN_STEPS, candidates, fastest_way, seconds_per_step  # noqa: E402
from mien.train.compute.distributed import ALONE, World  # noqa: E402
from mien.train.recipe.settings import RunSettings  # noqa: E402

GPU = World(device=torch.device("cuda"))
SHAPE = (4, 3, 8, 8)


def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten())


@pytest.mark.parametrize(
    ("run", "world", "wanted"),
    [
        (RunSettings(), ALONE, ("off",)),
        (RunSettings(), GPU, ("off", "default", "reduce-overhead")),
        (RunSettings(accumulate=2), GPU, ("off", "default")),
        (RunSettings(recompute=True), GPU, ("off", "default")),
        (RunSettings(), World(0, 2, torch.device("cuda")), ("off", "default")),
        (RunSettings(compile=True), ALONE, ("default",)),
        (RunSettings(compile=False), GPU, ("off",)),
        (RunSettings(compile="reduce-overhead"), GPU, ("reduce-overhead",)),
    ],
)
def test_gpus_choose_among_what_the_recipe_allows(run: RunSettings, world: World, wanted: tuple[str, ...]) -> None:
    assert candidates(run, world, MIN_STEPS) == wanted


def test_a_training_too_short_to_win_the_time_back_is_not_compiled_unless_a_recipe_says_so() -> None:
    assert candidates(RunSettings(), GPU, MIN_STEPS - 1) == ("off",)
    assert candidates(RunSettings(compile="default"), GPU, 1) == ("default",)


def test_the_fastest_way_is_measured_once_for_each_batch_and_card(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def seconds(network: object, way: str, *more: object) -> float:
        measured.append(way)
        return {"off": 3.0, "default": 1.0, "reduce-overhead": 2.0}[way]

    monkeypatch.setattr(compiling, "seconds_per_step", seconds)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "card 1")
    monkeypatch.setenv("MIEN_HOME", str(home / "compiled"))
    for _ in range(2):
        assert fastest_way(network(), SHAPE, RunSettings(), GPU, MIN_STEPS) == "default"
    assert measured == ["off", "default", "reduce-overhead"]
    fastest_way(network(), (8, 3, 8, 8), RunSettings(), GPU, MIN_STEPS)
    fastest_way(network(), SHAPE, RunSettings(precision="fp16"), GPU, MIN_STEPS)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "card 2")
    fastest_way(network(), SHAPE, RunSettings(), GPU, MIN_STEPS)
    assert len(measured) == 12
    path = home / "compiled" / "compiled.json"
    assert set(json.loads(path.read_text()).values()) == {"default"}
    path.write_text("{")
    assert fastest_way(network(), SHAPE, RunSettings(), GPU, MIN_STEPS) == "default"
    assert len(measured) == 15


def test_a_way_that_does_not_work_here_is_not_chosen_and_leaves_the_network_as_it_is() -> None:
    layer = network()
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    run = RunSettings(precision="f32")
    assert seconds_per_step(layer, "no such mode", SHAPE, run, torch.device("cpu")) == float("inf")
    assert 0 < seconds_per_step(layer, "off", SHAPE, run, torch.device("cpu")) < 60
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    assert all(parameter.grad is None for parameter in layer.parameters())


def test_compiling_and_one_slow_step_do_not_count_for_the_time_of_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    # Steps of 30, 20 and 10 seconds in which it compiles, then 1, 1, 9, 1, 1 and 2.
    clock = iter([point for took in (30, 20, 10, 1, 1, 9, 1, 1, 2) for point in (0.0, float(took))])
    monkeypatch.setattr(compiling, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    run = RunSettings(precision="f32")
    assert seconds_per_step(network(), "off", SHAPE, run, torch.device("cpu")) == 1.0


def test_a_training_goes_on_where_the_choice_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "card")
    monkeypatch.setattr(compiling, "seconds_per_step", lambda network, way, *more: float(way != "default"))
    assert fastest_way(network(), SHAPE, RunSettings(), GPU, MIN_STEPS) == "default"


def test_all_processes_follow_what_the_first_one_measured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    ways = candidates(RunSettings(), GPU, MIN_STEPS)

    class Others(World):
        """Adds up what the processes say, one after the other."""

        def sum(self, value: "torch.Tensor") -> "torch.Tensor":
            sent.append(int(value))
            return torch.tensor(sum(sent))

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card of many")
    monkeypatch.setattr(compiling, "candidates", lambda *given: ways)
    monkeypatch.setattr(compiling, "seconds_per_step", lambda network, way, *more: float(way != "default"))
    found = [fastest_way(network(), SHAPE, RunSettings(), Others(rank, 2), MIN_STEPS) for rank in range(2)]
    assert found == ["default", "default"] and sent == [1, 0]
