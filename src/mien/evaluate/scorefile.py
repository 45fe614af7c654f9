"""The embedding file: embeddings written once, read by every protocol.

A Parquet file with the columns of the manifest it was made from, status and detail (samples without an embedding are
kept and counted), sha256 of each image, and `embedding`, a list of float32. Its metadata under the key `mien` says
which model, embedding contract, metric and detector made it. Version 2 also has `scope`: the values of each face's
aspects (mien.scope) by their codes, or null where they were not measured. Version 3 also has `norm`, the length of
each embedding before it was brought to unit length, and `detector_score`; and where a set has templates of several
media, the columns `template` and `media` say to which a sample belongs. Files of versions 1 and 2 are read. Computes
nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.data.sample import BOX, LANDMARKS, STRATA
from mien.data.stored_paths import stored_path
from mien.data.tables import read_parquet
from mien.errors import ContractError, ManifestError
from mien.scope import Scope, scope_of
from mien.types import Floats
from mien.units import Metric

if TYPE_CHECKING:
    import pyarrow as pa

KEY = b"mien"
VERSION = 3
SCOPE = "scope"
"""The column with the values of each face's aspects."""
NORM, DETECTOR_SCORE = "norm", "detector_score"
"""The columns with the length of each embedding as the network gave it, and with the detector's confidence."""
TEMPLATE, MEDIA = "template", "media"
"""The columns that say to which template a sample belongs, and to which media (a photograph, a video) of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where embeddings come from.

    Attributes:
        contract: the embedding contract of the model.
        model: its name.
        metric: how its embeddings are compared.
        normalized: whether they have unit length.
        detector: what found the faces; empty where crops were aligned already.
        source: the data set.
        version: of the file.
    """

    contract: str
    model: str
    metric: Metric
    normalized: bool
    detector: str
    source: str
    version: int = VERSION


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Embedded:
    """The samples of a set that have an embedding, and how many have none.

    Attributes:
        embeddings: (N, D) float32.
        subjects: N names; empty where the set knows none.
        paths: N file names, absolute or relative to the working folder.
        records: N byte offsets in RecordIO files, or -1.
        names: N names that pair lists may use besides paths.
        strata: for each column that makes strata, N values; empty where one is not known.
        sha256: of N images.
        origin: model and contract.
        failed: how many samples have no embedding, by status.
        failures: each of them: name, status, detail.
        failed_subjects: the subject of each of them; empty where the set knows none.
        scopes: N scopes, None where one was not measured; empty where none was looked for.
        templates: N names of templates; empty where the set has none.
        medias: N names of media within templates; empty where the set has none.
        qualities: for each column of numbers, (N,) float32; NaN where one is not known.
        texts: for each other column of texts, N values; empty where one is not known.
    """

    embeddings: Floats
    subjects: tuple[str, ...]
    paths: tuple[str, ...]
    records: tuple[int, ...]
    names: tuple[str, ...]
    strata: Mapping[str, tuple[str, ...]]
    sha256: tuple[str, ...]
    origin: Origin
    failed: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, str, str], ...] = ()
    failed_subjects: tuple[str, ...] = ()
    scopes: tuple[Scope | None, ...] = ()
    templates: tuple[str, ...] = ()
    medias: tuple[str, ...] = ()
    qualities: Mapping[str, Floats] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def attempts(self) -> int:
        """Samples that were to be embedded."""
        return len(self) + sum(self.failed.values())

    def take(self, index: NDArray[np.int64]) -> "Embedded":
        """Some of the samples."""
        chosen = index.tolist()
        return Embedded(
            embeddings=self.embeddings[index],
            subjects=tuple(self.subjects[i] for i in chosen),
            paths=tuple(self.paths[i] for i in chosen),
            records=tuple(self.records[i] for i in chosen),
            names=tuple(self.names[i] for i in chosen),
            strata={name: tuple(values[i] for i in chosen) for name, values in self.strata.items()},
            sha256=tuple(self.sha256[i] for i in chosen),
            origin=self.origin,
            failed=self.failed,
            failures=self.failures,
            failed_subjects=self.failed_subjects,
            scopes=tuple(self.scopes[i] for i in chosen) if self.scopes else (),
            templates=tuple(self.templates[i] for i in chosen) if self.templates else (),
            medias=tuple(self.medias[i] for i in chosen) if self.medias else (),
            qualities={name: values[index] for name, values in self.qualities.items()},
            texts={name: tuple(values[i] for i in chosen) for name, values in self.texts.items()},
        )


def schema_metadata(origin: Origin) -> dict[bytes, bytes]:
    """The metadata that an embedding file carries."""
    return {KEY: json.dumps(asdict(origin)).encode()}


def is_embedding_file(path: Path) -> bool:
    """Whether a file is an embedding file, by its metadata."""
    if path.suffix != ".parquet" or not path.is_file():
        return False
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return KEY in (pyarrow.parquet.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def read_origin(path: Path) -> Origin:
    """Where the embeddings of a file come from.

    Raises:
        ManifestError: a later version of mien wrote the file.
    """
    import pyarrow.parquet

    try:
        found = Origin(**json.loads(pyarrow.parquet.read_schema(path).metadata[KEY]))
        later = found.version > VERSION
    except (OSError, ValueError, LookupError, TypeError) as reason:
        raise ManifestError(f"{path} does not say what made it, or is damaged: embed the set again") from reason
    if later:
        raise ManifestError(
            f"{path} is an embedding file of version {found.version}, and this mien reads up to {VERSION}: "
            "install a later mien, or embed the set again"
        )
    return found


def read_embedded(path: Path, strata: Sequence[str] = STRATA) -> Embedded:
    """Read an embedding file.

    Raises:
        ManifestError: not such a file, no embedding in it, or one that is not finite or all zeros.

    Example:
        >>> embedded = mien.read_embedded(Path("portraits.parquet"))
        >>> len(embedded), embedded.origin.model
        (32, 'dlib-resnet')
    """
    if not is_embedding_file(path):
        raise ManifestError(
            f"{path} is not an embedding file; make one with `mien embed SET --out {path.stem}.parquet`"
        )
    import pyarrow as pa

    table, origin = read_parquet(path), read_origin(path)
    lacking = {"path", "subject", "status", "detail", "sha256", "embedding"} - set(table.column_names)
    if lacking:
        raise ManifestError(f"{path} lacks the column {' and '.join(sorted(lacking))}: embed the set again")
    status = np.array(table.column("status").to_pylist())
    good = np.flatnonzero(status == "written")
    if not len(good):
        raise ManifestError(f"{path}: no sample has an embedding, so there is nothing to evaluate")
    embeddings = _matrix(table.column("embedding"), good, path)
    require_usable(embeddings, [f"{path}, row {row + 2}" for row in good[: len(embeddings)]], origin.metric)
    bad = np.flatnonzero(status != "written")
    words, counts = np.unique(status[bad], return_counts=True)
    lost = table.drop_columns(["embedding"]).take(pa.array(bad))
    kept = table.drop_columns(["embedding"]).take(pa.array(good))
    texts = {name: _texts(kept, name) for name in ("path", "subject", "sha256")}
    return Embedded(
        embeddings=embeddings,
        subjects=texts["subject"],
        paths=tuple(str(path.parent / stored_path(file)) for file in texts["path"]),
        records=tuple(-1 if v is None else int(v) for v in _values(kept, "record")),
        names=_names(kept),
        strata={name: _texts(kept, name) for name in strata if name in kept.column_names},
        sha256=texts["sha256"],
        origin=origin,
        failed=dict(zip(words.tolist(), counts.tolist(), strict=True)),
        failures=tuple(zip(_names(lost), _texts(lost, "status"), _texts(lost, "detail"), strict=True)),
        failed_subjects=_texts(lost, "subject"),
        scopes=_scopes(kept) if origin.version > 1 else (),
        templates=_texts(kept, TEMPLATE) if TEMPLATE in kept.column_names else (),
        medias=_texts(kept, MEDIA) if MEDIA in kept.column_names else (),
        qualities=_qualities(kept),
        texts=_other_texts(kept, strata),
    )


def _scopes(table: "pa.Table") -> tuple[Scope | None, ...]:
    if SCOPE not in table.column_names:
        return ()
    found = table.column(SCOPE).to_pylist()
    return tuple(None if values is None else scope_of(dict(values)) for values in found)


def _qualities(table: "pa.Table") -> dict[str, Floats]:
    """The columns of numbers, apart from those that say where a sample and its face are."""
    import pyarrow as pa

    found = {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        if name not in (*BOX, *LANDMARKS, "record") and (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            found[name] = table.column(name).cast(pa.float64(), safe=False).to_numpy().astype(np.float32)
    return found


def _other_texts(table: "pa.Table", strata: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of texts that have no meaning of their own here."""
    import pyarrow as pa

    used = {"path", "subject", "status", "detail", "sha256", "name", TEMPLATE, MEDIA, *strata}
    names = [name for name in table.column_names if name not in used]
    return {name: _texts(table, name) for name in names if pa.types.is_string(table.schema.field(name).type)}


def _names(table: "pa.Table") -> tuple[str, ...]:
    """What pair lists call the rows: the column `name` where there is one, else the path."""
    both = zip(_texts(table, "name"), _texts(table, "path"), strict=True)
    return tuple(name or file for name, file in both)


def _values(table: "pa.Table", name: str) -> list[Any]:
    return list(table.column(name).to_pylist()) if name in table.column_names else [None] * table.num_rows


def _texts(table: "pa.Table", name: str) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in _values(table, name))


def _matrix(column: "pa.ChunkedArray", good: NDArray[np.int64], path: Path) -> Floats:
    import pyarrow.compute

    lengths = pyarrow.compute.list_value_length(column).to_pylist()
    if len({lengths[row] for row in good}) != 1 or sum(length or 0 for length in lengths) != lengths[good[0]] * len(
        good
    ):
        raise ManifestError(f"{path} is damaged: its embeddings differ in length; embed the set again")
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    flat = np.concatenate(parts) if len(parts) != 1 else parts[0]
    # Lists of failed rows are null and have no values, so what is there belongs to the good rows in order.
    return np.ascontiguousarray(flat.reshape(len(good), -1), np.float32)


def require_usable(embeddings: Floats, rows: Sequence[str], metric: Metric) -> None:
    """Refuse embeddings that cannot be compared.

    Raises:
        ManifestError: one with a NaN or an infinity, or, for cosines, without length; the message names its row.
    """
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ManifestError(
            f"{rows[first]}: its embedding is not finite (and {int((~finite).sum()) - 1} more); embed the set again"
        )
    if metric == "cosine":
        length = np.einsum("nd,nd->n", embeddings, embeddings)
        if not length.all():
            raise ManifestError(f"{rows[int(np.argmin(length))]}: its embedding is all zeros; embed the set again")


def require_same_contract(a: Origin, b: Origin) -> None:
    """Refuse to compare embeddings of two models.

    Raises:
        ContractError: another contract.
    """
    if a.contract != b.contract:
        raise ContractError(
            f"{a.source} was embedded with {a.model} (contract {a.contract}), {b.source} with {b.model} (contract "
            f"{b.contract}); their embeddings cannot be compared: embed one of them again"
        )
