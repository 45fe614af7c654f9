"""What only a GPU can show; skipped with a message where there is none.

One command tries all of it, without data and without a network connection: `python -m pytest
tests/train/test_gpu.py`. With two GPUs or more, trainings over several are tried, too.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.data.pack import FORMAT, VERSION  # noqa: E402
from mien.data.shards import ShardWriter, encode_crop  # noqa: E402
from mien.models.golden import golden_image  # noqa: E402
from mien.train.compute import compiling  # noqa: E402
from mien.train.compute.compiling import MIN_STEPS, candidates, fastest_way, seconds_per_step  # noqa: E402
from mien.train.compute.distributed import World  # noqa: E402
from mien.train.compute.order import BatchSlice, Readers  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402
from mien.train.recipe.settings import RunSettings  # noqa: E402
from mien.train.recognizers.backbones.crop_landmarks import CropLandmarks  # noqa: E402
from mien.train.recognizers.data import open_dataset  # noqa: E402
from mien.train.recognizers.dataset import BatchReading, CropBatch, CropDataset, batches  # noqa: E402
from mien.train.recognizers.feed import on_card  # noqa: E402
from mien.train.recognizers.initialize import prepare_training  # noqa: E402
from mien.train.recognizers.recipe import RecognizerRecipe  # noqa: E402
from mien.train.recognizers.step import make_step  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees")


@pytest.fixture(scope="module")
def drawn_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 48 crops of 8 subjects, written without a detector: machines with a GPU may have none."""
    folder = tmp_path_factory.mktemp("drawn") / "pack"
    folder.mkdir()
    generator, writer = np.random.default_rng(0), ShardWriter(folder, "shard-00000")
    faces = [
        golden_image(number % 8, 112, 112) // 2 + generator.integers(0, 99, (112, 112, 3)) for number in range(48)
    ]
    writer.add([(n, "written", "", "", encode_crop(face.astype(np.uint8), 95)) for n, face in enumerate(faces)])
    shard = writer.finish(pa.table({"subject": [f"s{number % 8}" for number in range(48)]}))
    about = {"format": FORMAT, "version": VERSION, "size": 112, "template": "arcface", "shards": [asdict(shard)]}
    (folder / "pack.json").write_text(json.dumps(about))
    return folder


def content_of(pack: Path, *, products: str = "auto", **run: object) -> dict[str, object]:
    """A recipe of three steps."""
    return {
        "name": "gpu",
        "data": {"sets": [str(pack)]},
        "model": {"backbone": "iresnet18", "embedding": 64},
        "head": {"scale": 16.0, "margin": 0.2, "sample": 1.0, "products": products},
        "optimizer": {"rate": 0.01, "rate_batch": 16},
        "schedule": {"batch": 16, "steps": 3},
        "run": {"precision": "f32", "compile": "off", **run},
    }


def losses_of(folder: Path) -> list[float]:
    return [line["loss"] for line in read_journal(folder / "log.jsonl") if "loss" in line]


def losses(pack: Path, folder: Path, *, products: str = "auto", **run: object) -> list[float]:
    train(parse_recipe(content_of(pack, products=products, **run), "gpu"), folder)
    return losses_of(folder)


def test_a_gpu_makes_the_steps_of_a_processor(drawn_pack: Path, tmp_path: Path) -> None:
    here = losses(drawn_pack, tmp_path / "cpu", device="cpu")
    assert losses(drawn_pack, tmp_path / "gpu", device="cuda") == pytest.approx(here, rel=2e-2)


@pytest.mark.parametrize("products", ["tf32", "bf16"])
def test_rounded_products_change_losses_by_what_they_round(drawn_pack: Path, tmp_path: Path, products: str) -> None:
    exact = losses(drawn_pack, tmp_path / "exact", device="cuda", products="f32")
    rounded = losses(drawn_pack, tmp_path / "rounded", device="cuda", products=products)
    assert rounded == pytest.approx(exact, rel=2e-2)
    assert rounded != exact


# The compiler's own imports warn.
@pytest.mark.filterwarnings("ignore")
def test_a_training_compiles_by_itself_and_makes_the_same_steps(
    drawn_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = losses(drawn_pack, tmp_path / "plain", device="cuda", precision="bf16")
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(compiling, "MIN_STEPS", 1)
    found = losses(drawn_pack, tmp_path / "auto", device="cuda", precision="bf16", compile="auto")
    assert found == pytest.approx(plain, rel=5e-2)
    (chosen,) = json.loads((tmp_path / "home" / "compiled.json").read_text()).values()
    assert chosen in ("off", "default", "reduce-overhead")


def test_landmarks_in_crops_are_found_on_a_gpu_as_on_a_processor() -> None:
    crops = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    finder = CropLandmarks()
    torch.testing.assert_close(finder.cuda()(crops.cuda()).cpu(), CropLandmarks()(crops), rtol=1e-2, atol=1e-3)


def test_a_gpu_makes_the_steps_of_a_processor_for_a_detector(scenes: Path, tmp_path: Path) -> None:
    def of(device: str) -> list[float]:
        run = {"device": device, "precision": "f32", "processes": 1}
        train(detector_recipe(scenes, run=run), tmp_path / device)
        log = read_journal(tmp_path / device / "log.jsonl")
        return [line["loss"] for line in log if "loss" in line]

    assert of("cuda") == pytest.approx(of("cpu"), rel=2e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precisions_train_on_a_gpu(drawn_pack: Path, tmp_path: Path, precision: str) -> None:
    assert np.isfinite(losses(drawn_pack, tmp_path / "run", device="cuda", precision=precision)).all()


def test_batches_are_on_the_card_unchanged_and_in_order(drawn_pack: Path) -> None:
    crops, card = CropDataset([drawn_pack], 112, "arcface"), torch.device("cuda")
    reading = BatchReading(share=BatchSlice(16, 0, 16), seed=7, probabilities={"mirror": 0.5}, readers=Readers(1, 2))
    plain, sent = batches(crops, reading, 0, 9), on_card(batches(crops, reading, 0, 9), card)
    count = 0
    for ours, theirs in zip(plain, sent, strict=True):
        assert isinstance(theirs.crops, torch.Tensor) and theirs.crops.is_cuda
        assert np.array_equal(theirs.crops.cpu().numpy(), ours.crops)
        assert np.array_equal(theirs.everyone, ours.everyone)
        count += 1
    assert count == 9


@pytest.mark.parametrize(
    ("head", "sample", "products"),
    [("arcface", 1.0, "auto"), ("arcface", 1.0, "bf16"), ("curricularface", 0.5, "auto"), ("adaface", 0.5, "f32")],
)
def test_the_host_waits_for_the_card_once_a_step(drawn_pack: Path, head: str, sample: float, products: str) -> None:
    content = {
        "name": "gpu",
        "data": {"sets": [str(drawn_pack)]},
        "model": {"backbone": "mobilefacenet", "embedding": 64},
        "head": {"name": head, "sample": sample, "products": products},
        "optimizer": {"rate": 0.01, "rate_batch": 16},
        "schedule": {"batch": 16, "steps": 3},
        "run": {"device": "cuda", "compile": "off"},
    }
    recipe, world = parse_recipe(content, "gpu"), World(device=torch.device("cuda", 0))
    assert isinstance(recipe, RecognizerRecipe)
    learner = prepare_training(recipe, open_dataset(recipe), world)
    crops, labels = torch.zeros(16, 112, 112, 3, dtype=torch.uint8, device="cuda"), np.arange(16) % 8
    for step in range(3):
        make_step(learner, CropBatch(step, crops, labels, labels, labels), 0.01, recipe, world)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make_step(learner, CropBatch(3, crops, labels, labels, labels), 0.01, recipe, world)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len([one for one in caught if "synchronizing CUDA operation" in str(one.message)]) == 1


# The compiler's own imports warn.
@pytest.mark.filterwarnings("ignore")
def test_every_way_to_call_a_network_works_on_a_gpu_and_one_is_chosen() -> None:
    card, shape = torch.device("cuda", 0), (16, 3, 32, 32)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.PReLU(8), torch.nn.Flatten()
    ).to(card, memory_format=torch.channels_last)
    world, run = World(device=card), RunSettings()
    ways = candidates(run, world, MIN_STEPS)
    assert all(np.isfinite(seconds_per_step(network, way, shape, run, card)) for way in ways)
    assert fastest_way(network, shape, run, world, MIN_STEPS) in ways


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="less than two GPUs")
@pytest.mark.parametrize(
    "run",
    [{}, {"static_graph": True}, {"exchange": "bf16"}, {"synchronize_norms": True}],
    ids=["as it is", "static graph", "bf16 exchange", "norms over both"],
)
def test_two_gpus_make_the_first_step_of_one(
    drawn_pack: Path, tmp_path: Path, together: Callable[..., list[str]], run: dict[str, object]
) -> None:
    recipe = parse_recipe(content_of(drawn_pack, device="cuda", **run), "gpus")
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "two")], 2)
    alone, both = losses(drawn_pack, tmp_path / "one", device="cuda"), losses_of(tmp_path / "two")
    assert len(both) == 3 and np.isfinite(both).all()
    # BatchNorm sees half of the batch on each of two, unless it is synchronized.
    tolerance = 2e-2 if "synchronize_norms" in run else 0.3
    assert both[0] == pytest.approx(alone[0], rel=tolerance)
