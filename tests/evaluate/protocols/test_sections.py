"""Sets that a protocol cannot use are refused in a sentence."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mien.data.pairs import Pair
from mien.errors import ContractError, ManifestError
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.protocols.identification import identification
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.robustness import choose
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.scorefile import Embedded

Make = Callable[..., Embedded]


def test_sets_that_a_protocol_cannot_use(make_embedded: Make) -> None:
    one = make_embedded(subjects=1)
    with pytest.raises(ManifestError, match="made-set has 1 subjects with an embedding; at least 2 are needed"):
        impostor(one)
    with pytest.raises(ManifestError, match="no subject has two samples"):
        mated(make_embedded(max_samples=1))
    with pytest.raises(ManifestError, match="0 have so many"):
        identification(make_embedded(max_samples=1))
    nameless = make_embedded()
    with pytest.raises(ManifestError, match="has no subject, and this protocol needs one"):
        impostor(replace(nameless, subjects=("", *nameless.subjects[1:])))
    with pytest.raises(ManifestError, match=r"pairs\.csv, pair 1: nobody is not in made-set"):
        evaluate_pairs(nameless, [Pair("nobody", nameless.names[0], True)], "pairs.csv")
    with pytest.raises(ManifestError, match="share 0 samples"):
        comparison(nameless, replace(nameless, paths=tuple(f"/x{path}" for path in nameless.paths)))
    with pytest.raises(ManifestError, match="holds crops, and images are corrupted before detection"):
        choose(replace(nameless, origin=replace(nameless.origin, detector="")), 10)
    other = replace(make_embedded(seed=3), origin=replace(nameless.origin, contract="other"))
    with pytest.raises(ContractError, match="cannot be compared"):
        identification(nameless, distractors=other)
