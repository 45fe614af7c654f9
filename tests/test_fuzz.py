"""The damaged copies that the tests of formats use: repeatable by their seed, and of every kind of damage."""

from fuzz import KINDS, mutants

DATA = bytes(range(256)) * 20


def test_a_seed_gives_the_same_copies_and_another_gives_others() -> None:
    first = list(mutants(DATA, 40, 7))
    assert first == list(mutants(DATA, 40, 7)) and len(first) == 40
    assert first != list(mutants(DATA, 40, 8))


def test_nearly_every_copy_is_damaged_and_all_kinds_occur() -> None:
    copies = list(mutants(DATA, 60, 1))
    assert sum(copy != DATA for copy in copies) > 50
    lengths = {(len(copy) > len(DATA)) - (len(copy) < len(DATA)) for copy in copies}
    assert lengths == {-1, 0, 1} and len(KINDS) == 6


def test_an_empty_and_a_tiny_file_can_be_damaged() -> None:
    assert len(list(mutants(b"", 24, 1))) == 24
    assert len(list(mutants(b"x", 24, 1))) == 24
