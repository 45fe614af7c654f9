"""A teacher's embeddings next to a pack: made once, continued when interrupted, and another's are never taken."""

import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.data.pack import Pack  # noqa: E402
from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import World  # noqa: E402
from mien.train.recognizers import teacher_cache  # noqa: E402
from mien.train.recognizers.teacher import EmbedCrops, Teacher  # noqa: E402
from mien.train.recognizers.teacher_cache import taught_folder, teach  # noqa: E402
from mien.types import Floats, Image  # noqa: E402


def colours(crops: Image) -> Floats:
    """An embedding that can be computed by hand: the mean colour, at unit length."""
    means = crops.reshape(len(crops), -1, 3).mean(axis=1).astype(np.float32)
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


class Counted:
    """A teacher that counts the crops it has seen."""

    def __init__(self, digest: str = "d", fails_after: int = 10**9) -> None:
        self.seen, self._fails_after = 0, fails_after
        self.teacher = Teacher(name="colours", digest=digest, open=self.open)

    def open(self) -> EmbedCrops:
        def embed(crops: Image) -> Floats:
            self.seen += len(crops)
            if self.seen > self._fails_after:
                raise KeyboardInterrupt
            return colours(crops)

        return embed


@pytest.fixture
def pack(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(teacher_cache, "ROWS", 20)
    monkeypatch.setattr(teacher_cache, "AT_ONCE", 8)
    return Path(shutil.copytree(face_pack, tmp_path / "pack"))


def test_rows_are_the_teachers_embeddings_in_the_packs_order_within_half_precision(pack: Path) -> None:
    counted = Counted()
    taught = teach(pack, counted.teacher)
    expected = colours(np.stack(list(Pack(pack).crops())))
    rows = np.array([47, 0, 19, 20, 39, 40])
    assert taught.rows == 48 and taught.numbers == 3 and [len(part) for part in taught.parts] == [20, 20, 8]
    assert np.abs(taught.read(rows) - expected[rows]).max() < 5e-4
    assert counted.seen == 48


def test_the_second_training_reads_the_file_and_opens_no_teacher(pack: Path) -> None:
    teach(pack, Counted().teacher)
    again = Counted()
    teach(pack, again.teacher)
    assert again.seen == 0


def test_interrupted_work_goes_on_where_it_stopped(pack: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        teach(pack, Counted(fails_after=30).teacher)
    rest = Counted()
    taught = teach(pack, rest.teacher)
    assert rest.seen == 28 and len(taught.parts) == 3


def test_another_teacher_and_another_pack_have_their_own_embeddings(pack: Path) -> None:
    first = taught_folder(pack, Counted("one").teacher)
    assert first != taught_folder(pack, Counted("two").teacher)
    about = pack / "pack.json"
    about.write_text(about.read_text() + " ")
    assert first != taught_folder(pack, Counted("one").teacher)
    assert first.parent == pack.parent


def test_each_process_makes_its_parts_and_what_others_could_not_put_here(pack: Path) -> None:
    class Alone(World):
        """The second of two processes on another machine: nobody else writes into its folder."""

        def wait(self) -> None:
            waited.append(1)

    waited: list[int] = []
    counted = Counted()
    taught = teach(pack, counted.teacher, Alone(rank=1, size=2))
    assert counted.seen == 48 and len(taught.parts) == 3 and len(waited) == 3


def test_a_folder_of_crops_is_refused_as_embeddings_are_kept_next_to_packs(face_folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"not a pack.*mien data prepare"):
        teach(face_folder, Counted().teacher)


def test_the_verb_embeds_a_pack_once(face_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mien.train.recognizers.backbones.registry import build

    pack = Path(shutil.copytree(face_pack, tmp_path / "pack"))
    torch.save(build("mobilefacenet", 48).state_dict(), tmp_path / "teacher.pth")
    assert run(["data", "teach", str(pack), "--teacher", str(tmp_path / "teacher.pth")]) == 0
    assert "48 embeddings of 48 numbers" in capsys.readouterr().out
    assert run(["data", "teach", str(tmp_path), "--teacher", str(tmp_path / "teacher.pth")]) == 3
    assert "is not a pack" in capsys.readouterr().err
