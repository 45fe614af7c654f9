"""All comparisons of different people."""

from collections.abc import Callable
from dataclasses import replace

from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_impostors_need_one_image_a_person(make_embedded: Make) -> None:
    single = make_embedded(max_samples=1, subjects=200)
    report = impostor(single).in_language("en")
    assert report.numbers["non-mated comparisons"].value == 200 * 199 / 2 and not report.warnings
    assert not any(key.startswith("fnmr") for key in report.numbers)
    assert report.tables[0].rows[-1][1] is not None and "more subjects" in str(report.tables[0].rows[-1][1])
    strata = next(table for table in report.tables if str(table.title).startswith("Strata"))
    assert {row[:2] for row in strata.rows} == {("adult", "adult"), ("adult", "child"), ("child", "child")}
    assert len(report.pairs[0].rows) == 24
    scores = [row.score for row in report.pairs[0].rows]
    assert scores == sorted(scores, reverse=True)
    assert "further images of a subject" in str(impostor(make_embedded()).in_language("en").warnings[0])


def test_a_photograph_under_two_people_is_pointed_at(make_embedded: Make) -> None:
    embedded = make_embedded(max_samples=1)
    vectors = embedded.embeddings.copy()
    vectors[7] = vectors[3]
    digests = tuple("same" if n in (3, 7) else str(n) for n in range(len(embedded)))
    report = impostor(replace(embedded, embeddings=vectors, sha256=digests)).in_language("en")
    warning = str(report.warnings[0])
    assert "An image is in the set under two subjects" in warning
    assert "s0003/1.jpg (s0003)" in warning and "s0007/1.jpg (s0007)" in warning
    worst = report.pairs[0].rows[0]
    assert (worst.subject_a, worst.subject_b, worst.note) == ("s0003", "s0007", "the same file")
