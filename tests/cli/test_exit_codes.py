"""Exit codes are a contract with scripts: their values do not change, and the help names each."""

from mien.cli import exit_codes


def test_the_exit_codes() -> None:
    names = ("OK", "NO", "WRONG", "FAILED", "PARTLY", "UNCERTAIN", "INTERRUPTED")
    values = [getattr(exit_codes, name) for name in names]
    assert values == [0, 1, 2, 3, 4, 5, 130]
    assert all(f"{value} " in exit_codes.EXIT_CODES for value in values)
