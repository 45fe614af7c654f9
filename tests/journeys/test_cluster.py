"""A Ray cluster gives what one machine gives, in every verb that uses one. It is started once for all of them."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from mien.data.workers import ordered
from mien.evaluate.embed import embed_set
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.scorefile import Embedded
from mien.portrait.dataset.measure_cache import measure_data_set
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.structure import list_data_set
from mien.portrait.rules.files import load_rules

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster on this machine."""
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    settings = {
        "HOME": str(tmp_path_factory.mktemp("ray")),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield "auto"
        ray.shutdown()


def die_once(marker: Path, item: int) -> int:
    """Twice the item; the first time that it is 3, the process is killed while it works."""
    if item == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * item


def test_what_a_killed_process_of_a_cluster_had_in_hand_is_done_again(cluster: str, tmp_path: Path) -> None:
    found = list(ordered(partial(die_once, tmp_path / "killed"), range(12), 1, cluster))
    assert (tmp_path / "killed").exists()
    assert found == [2 * item for item in range(12)]


def test_a_cluster_gives_the_impostors_that_one_machine_gives(
    cluster: str, make_embedded: Callable[..., Embedded]
) -> None:
    single = make_embedded(max_samples=1, subjects=200)
    assert impostor(single, ray_address=cluster) == impostor(single)


def test_a_cluster_writes_the_same_embedding_file(cluster: str, people: Path, network: str, tmp_path: Path) -> None:
    here = embed_set(people, tmp_path / "here.parquet", recognizer=network)
    there = embed_set(people, tmp_path / "there.parquet", recognizer=network, ray_address=cluster)
    assert len(here) == len(there) == 3
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()


def test_a_cluster_measures_portraits_the_same(cluster: str, small: Path, tmp_path: Path) -> None:
    listing, models = list_data_set(small, load_rules("vn-portrait").structure), AuditModels(recognizer="")
    found = [
        measure_data_set(listing.root, listing.entries, tmp_path / str(address), models, ray_address=address)
        for address in (None, cluster)
    ]
    here, there = (pa.concat_tables(one.batches(one.columns)) for one in found)
    assert len(here) == 4 and here.equals(there)
