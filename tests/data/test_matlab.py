"""MATLAB files that end scipy's reader do not end mien."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fuzz import mutants
from mien.data.matlab import read_matlab
from mien.errors import ManifestError


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    for name in "ab":
        savemat(tmp_path / f"{name}.mat", {"value": np.array([[name, "x"]], object)})
    a, b = read_matlab([tmp_path / "a.mat", tmp_path / "b.mat"])
    assert a["value"][0, 0] == "a" and b["value"][0, 0] == "b" and set(a) == {"value"}


def test_a_damaged_file_is_named_and_does_not_end_the_process(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.mat", tmp_path / "damaged.mat"
    savemat(whole, {"value": np.array([[np.arange(9), "text", np.ones((3, 4))]], object)})
    for copy in mutants(whole.read_bytes(), 12, seed=15):
        path.write_bytes(copy)
        try:
            read_matlab([whole, path])
        except ManifestError as fault:
            assert "damaged.mat" in str(fault)
    path.write_bytes(b"rubbish")
    with pytest.raises(ManifestError, match=r"damaged\.mat is not a MATLAB file, or is damaged"):
        read_matlab([whole, path])
