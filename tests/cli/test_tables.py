"""Tables: plain columns for files and pipes, frames for a terminal."""

import io

from rich.console import Console

from mien.cli.tables import TerminalTable, width_of


def make() -> TerminalTable:
    table = TerminalTable("subject", "score", title="In the gallery")
    table.add_row("Nguyễn Thị Hồng", "0.91")
    table.add_row("王小明")
    return table


def test_plain_columns_are_aligned() -> None:
    assert make().text().splitlines() == [
        "In the gallery",
        "subject          score",
        "Nguyễn Thị Hồng  0.91",
        "王小明",
    ]


def test_nothing_is_cut_and_a_row_stays_one_line() -> None:
    table = TerminalTable("a", "b")
    table.add_row("x" * 500, "two\nlines")
    assert table.text().splitlines()[1] == f"{'x' * 500}  two lines"


def test_a_terminal_gets_frames_and_folded_cells() -> None:
    table = make()
    table.add_row("z" * 90, "1")
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    console.print(table.drawn())
    shown = console.file.getvalue()
    assert shown.count("z") == 90 and "Hồng" in shown and "┃" in shown
    assert max(map(len, shown.splitlines())) <= 40


def test_the_width_of_letters() -> None:
    assert [width_of(text) for text in ("abc", "ễ", "e\u0302\u0303", "王", "")] == [3, 1, 1, 2, 0]
