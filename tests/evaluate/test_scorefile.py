"""Embedding files: rows that cannot be compared are named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from fuzz import mutants
from mien.data.tables import write_parquet
from mien.errors import ContractError, ManifestError
from mien.evaluate.scorefile import (
    VERSION,
    Origin,
    read_embedded,
    require_same_contract,
    schema_metadata,
)


def write(path: Path, vectors: list[list[float] | None], metric: str = "cosine", version: int = VERSION) -> Path:
    parts = {"contract": "c", "model": "m", "metric": metric, "normalized": True, "detector": "", "source": "s"}
    origin = Origin(**parts, version=version)  # type: ignore[arg-type]
    status = ["written" if vector is not None else "no face" for vector in vectors]
    table = pa.table(
        {
            "path": [f"{n}.jpg" for n in range(len(vectors))],
            "subject": [f"s{n}" for n in range(len(vectors))],
            "status": status,
            "detail": [""] * len(vectors),
            "sha256": [""] * len(vectors),
            "embedding": pa.array(vectors, pa.list_(pa.float32())),
        }
    )
    pyarrow.parquet.write_table(table.replace_schema_metadata(schema_metadata(origin)), path)
    return path


def test_embeddings_that_cannot_be_compared_are_named_by_row(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"a\.parquet, row 4: its embedding is not finite"):
        read_embedded(write(tmp_path / "a.parquet", [[1, 2], None, [float("nan"), 1]]))
    with pytest.raises(ManifestError, match=r"b\.parquet, row 3: its embedding is all zeros"):
        read_embedded(write(tmp_path / "b.parquet", [[1, 2], [0, 0]]))
    assert len(read_embedded(write(tmp_path / "c.parquet", [[1, 2], [0, 0]], "l2"))) == 2
    with pytest.raises(ManifestError, match="no sample has an embedding"):
        read_embedded(write(tmp_path / "d.parquet", [None, None]))
    with pytest.raises(ManifestError, match="is not an embedding file; make one with `mien embed"):
        read_embedded(tmp_path / "gone.parquet")


def test_two_contracts_are_not_mixed() -> None:
    one, two = (
        Origin(contract=c, model=f"model-{c}", metric="cosine", normalized=True, detector="", source=f"set-{c}")
        for c in "ab"
    )
    require_same_contract(one, one)
    with pytest.raises(ContractError, match=r"set-a was embedded with model-a .* cannot be compared"):
        require_same_contract(one, two)


def test_damaged_embedding_files_are_refused_by_name_or_right(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [[n + 1, 2, 3] if n % 5 else None for n in range(40)])
    table = pyarrow.parquet.read_table(path)
    write_parquet(table, path)
    whole = read_embedded(path)
    for copy in mutants(path.read_bytes(), 150, seed=15):
        path.write_bytes(copy)
        try:
            found = read_embedded(path)
        except ManifestError as fault:
            assert "a.parquet" in str(fault)
        else:
            assert (found.embeddings == whole.embeddings).all() and found.paths == whole.paths


def test_a_file_of_an_older_version_is_still_read_and_knows_no_scope(tmp_path: Path) -> None:
    path = write(tmp_path / "old.parquet", [[1, 2], [2, 1]], version=1)
    table = pyarrow.parquet.read_table(path)
    column = table.append_column("scope", pa.array(["a user's own column", "of a manifest"]))
    pyarrow.parquet.write_table(column, path)
    found = read_embedded(path)
    assert len(found) == 2 and found.scopes == () and found.origin.version == 1


def test_a_file_of_a_later_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "later.parquet", [[1, 2]], version=VERSION + 1)
    with pytest.raises(
        ManifestError, match=r"later\.parquet is an embedding file of version 4.*install a later mien"
    ):
        read_embedded(path)


def test_scopes_are_read_by_the_limits_of_today(tmp_path: Path) -> None:
    values = {"mask": 0.9, "size": 120.0, "sharpness": -5.0, "pose": 10.0, "grey": 20.0}
    path = write(tmp_path / "new.parquet", [[1, 2], [2, 1], [1, 1], None])
    table = pyarrow.parquet.read_table(path)
    scopes = [list(values.items()), None, [("size", 30.0)], None]
    table = table.append_column("scope", pa.array(scopes, pa.map_(pa.string(), pa.float32())))
    pyarrow.parquet.write_table(table, path)
    found = read_embedded(path)
    first, second, third = found.scopes
    assert first is not None and first.outside == ("mask",) and dict(first.values) == pytest.approx(values)
    assert second is None and third is not None and third.outside == ("size", "pose"), "without a pose it is unknown"
    assert found.take(np.array([2, 0])).scopes == (third, first)


def test_templates_media_and_columns_of_numbers_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "templates.parquet", [[1, 2], None, [3, 4]])
    table = pyarrow.parquet.read_table(path)
    columns = {
        "template": pa.array(["7", "7", None]),
        "media": pa.array(["1", "2", "3"]),
        "norm": pa.array([2.5, None, None], pa.float32()),
        "blur": pa.array([1, 2, 3]),
        "left_eye_x": pa.array([1.0, 2.0, 3.0]),
    }
    for name, values in columns.items():
        table = table.append_column(name, values)
    pyarrow.parquet.write_table(table, path)
    embedded = read_embedded(path)
    assert embedded.templates == ("7", "") and embedded.medias == ("1", "3")
    assert set(embedded.qualities) == {"norm", "blur"}
    np.testing.assert_array_equal(embedded.qualities["norm"], [2.5, np.nan])
    np.testing.assert_array_equal(embedded.qualities["blur"], [1, 3])
    last = embedded.take(np.array([1]))
    assert last.templates == ("",) and last.medias == ("3",) and last.qualities["blur"].tolist() == [3]


@pytest.mark.parametrize("version", [1, 2])
def test_older_files_are_read_without_templates(tmp_path: Path, version: int) -> None:
    embedded = read_embedded(write(tmp_path / "old.parquet", [[1, 2], [3, 4]], version=version))
    assert len(embedded) == 2 and embedded.templates == () == embedded.medias and embedded.qualities == {}
