"""Findings: each kind has its texts, and a finding fills them."""

import pytest

from mien.messages import find_catalogue, languages
from mien.portrait.dataset.findings import KINDS, Finding, kind_title


@pytest.mark.parametrize("language", languages())
def test_every_kind_has_a_title_and_a_sentence_and_no_text_is_of_another_kind(language: str) -> None:
    texts = find_catalogue(language).texts
    for kind in KINDS:
        assert kind_title(kind).text(language)
        assert f"finding.{kind}.text" in texts
    assert {code.split(".")[1] for code in texts if code.startswith("finding.")} == set(KINDS)


def test_a_finding_says_where_it_is_and_what_belongs_to_it() -> None:
    finding = Finding(kind="twin-folder", place="adults/Anna", others=("adults/anna ", "adults/ANNA"))
    assert finding.severity == "error"
    assert finding.message.text("en").startswith("adults/Anna and adults/anna , adults/ANNA are the same name")
    assert finding.message.text("vi").startswith("adults/Anna và ")


def test_a_variant_has_its_own_sentence() -> None:
    finding = Finding(kind="unlike-others", place="a/1.jpg", arguments={"better": "b"}, variant="better")
    assert finding.message.text("en") == (
        "a/1.jpg is unlike the other images of its person and like those of b: check whose it is"
    )
