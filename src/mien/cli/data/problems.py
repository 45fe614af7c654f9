"""How mien data shows what is wrong with a set: as a table, and as JSON."""

from mien.cli.tables import TerminalTable
from mien.cli.terminal import out, show
from mien.data.sample import Problem

LISTED = 10
"""Problems that are shown in a table."""


def problems_as_json(problems: tuple[Problem, ...]) -> list[dict[str, str]]:
    """Problems as values of JSON."""
    return [{"where": problem.where, "reason": problem.reason} for problem in problems]


def show_problems(known: tuple[Problem, ...], count: int) -> None:
    """Show the first of `count` problems, of which some are known one by one."""
    shown = known[:LISTED]
    if count:
        table = TerminalTable("problem at", "what")
        for problem in shown:
            table.add_row(problem.where, problem.reason)
        show(table)
    if count > len(shown):
        out.print(f"and {count - len(shown):,} more")
