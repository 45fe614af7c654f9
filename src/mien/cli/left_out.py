"""The rows of a set that a verb leaves out: collected while it reads, named at its end."""

from mien.cli.terminal import err, plural
from mien.data.sample import Problem

LISTED = 10
"""Rows that are named."""


class LeftOut:
    """Collects rows that are left out."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def __call__(self, problem: Problem) -> None:
        """Take a row."""
        self.problems.append(problem)

    def __bool__(self) -> bool:
        return bool(self.problems)

    def report(self) -> None:
        """Name the first rows, and say how many there are."""
        for problem in self.problems[:LISTED]:
            err.print(f"mien: {problem.where}: {problem.reason}")
        if self.problems:
            err.print(f"mien: {plural(len(self.problems), 'row')} of the set left out")

    def as_json(self) -> dict[str, list[dict[str, str]]]:
        """The rows under the key `left_out`; no key where there are none."""
        rows = [{"where": problem.where, "reason": problem.reason} for problem in self.problems]
        return {"left_out": rows} if rows else {}
