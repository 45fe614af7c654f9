"""Each role may do what the one before it may, and only the administrator everything."""

from itertools import pairwise

from mien.service.auth.permissions import PERMISSIONS, ROLES


def test_roles_grow() -> None:
    assert list(ROLES) == ["viewer", "operator", "officer", "administrator"]
    assert all(ROLES[lower] < ROLES[upper] for lower, upper in pairwise(ROLES))
    assert ROLES["administrator"] == set(PERMISSIONS)
    assert "erase" not in ROLES["operator"] and "embed" not in ROLES["officer"]
