"""The qualities of samples that error versus discard can use: more is better. Measures nothing.

They come from an embedding file (the norm of the embedding, the detector's score, the aspects of scope, any column of
numbers of the manifest), or from a table with a column `path`, such as images.csv of `mien audit`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.data.tables import read_table
from mien.errors import ManifestError
from mien.evaluate.pair_lists import SamplePlaces
from mien.evaluate.scorefile import DETECTOR_SCORE, NORM, Embedded
from mien.scope.aspects import ASPECTS
from mien.types import Floats, floats

DEFAULTS = (NORM, DETECTOR_SCORE, *ASPECTS)
"""Qualities that every embedding file can have."""
LOWER = ":lower"
"""What follows the name of a quality of which less is better."""


def qualities(embedded: Embedded, names: Sequence[str], measures: Path | None) -> dict[str, Floats]:
    """The wanted qualities; without names, all that every file can have and this one has.

    Args:
        embedded: the samples.
        names: of columns, each with `:lower` where less is better; empty for the default ones.
        measures: a CSV or Parquet table with a column `path` and columns of numbers; None for no such table.

    Returns:
        By name as given: (N,) float32, turned so that more is better; NaN where it is not known.

    Raises:
        ManifestError: a name that is nowhere, or a quality that no sample has.
    """
    own = _own(embedded)
    table = {} if measures is None else _from_table(embedded, measures)
    found = own | table
    defaults = [name for name in (*DEFAULTS, *table) if name in found and _varies(found[name])]
    result = {}
    for name in dict.fromkeys(names or defaults):
        column = name.removesuffix(LOWER)
        if column not in found:
            raise ManifestError(
                f"{embedded.origin.source} has no quality '{column}'; it has {', '.join(sorted(found)) or 'none'}"
            )
        if not _varies(found[column]):
            raise ManifestError(f"'{column}' says nothing of {embedded.origin.source}: no two samples differ in it")
        result[name] = -found[column] if name.endswith(LOWER) else found[column]
    if not result:
        raise ManifestError(
            f"{embedded.origin.source} has no norms, detector scores or scope: embed the set again with this "
            "version, or give a table with --measures"
        )
    return result


def known_qualities(embedded: Embedded) -> dict[str, Floats]:
    """The norm, the detector's score and the aspects of scope that a file has, each with what differs among samples.

    Returns:
        By name: (N,) float32, more is better, NaN where it is not known; nothing where the file has none.
    """
    own = _own(embedded)
    return {name: own[name] for name in DEFAULTS if name in own and _varies(own[name])}


def _own(embedded: Embedded) -> dict[str, Floats]:
    """What the embedding file says; aspects of which more is worse are turned."""
    found = dict(embedded.qualities)
    for code, aspect in ASPECTS.items():
        values = [scope.values.get(code, np.nan) if scope else np.nan for scope in embedded.scopes]
        if values and not np.isnan(values).all():
            found[code] = floats(values) * (-1 if aspect.above else 1)
    return found


def _from_table(embedded: Embedded, path: Path) -> dict[str, Floats]:
    """The columns of numbers of a table, put to the samples by their paths."""
    table = read_table(path).table
    if "path" not in table.column_names:
        raise ManifestError(f"{path} has no column `path`, which says whose measures a row has")
    places = SamplePlaces(embedded.names, [], embedded.origin.source)
    rows = [places.find(str(name)) for name in table.column("path").to_pylist()]
    found: dict[str, Floats] = {}
    for name in table.column_names:
        values = [_number(value) for value in table.column(name).to_pylist()]
        column = np.full(len(embedded), np.nan, np.float32)
        for row, value in zip(rows, values, strict=True):
            if isinstance(row, int) and row >= 0:
                column[row] = value
        if name != "path" and not np.isnan(column).all():
            found[name] = column
    if not found:
        raise ManifestError(f"{path}: no row with a number is about a sample of {embedded.origin.source}")
    return found


def _number(value: object) -> float:
    try:
        return float(str(value)) if value not in (None, "") else float("nan")
    except ValueError:
        return float("nan")


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 1 and bool(np.ptp(known) > 0)
