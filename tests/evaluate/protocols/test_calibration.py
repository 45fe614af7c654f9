"""Thresholds as a report."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.calibration import PROTOCOL, calibrate
from mien.evaluate.scorefile import Embedded, Origin
from mien.models.card import ThresholdRow
from mien.types import floats

Make = Callable[..., Embedded]


def test_calibration_writes_what_a_card_takes(make_embedded: Make) -> None:
    report = calibrate(make_embedded(subjects=300)).in_language("en")
    assert report.thresholds and all(isinstance(row, ThresholdRow) for row in report.thresholds)
    assert report.numbers["threshold@1e-02"].value == report.thresholds[0].value
    assert "made-set" in report.thresholds[0].protocol and "detector mtcnn" in report.thresholds[0].protocol
    assert any("cannot be shown" in str(warning) for warning in report.warnings)


def test_a_small_half_says_how_many_people_its_interval_needs(make_embedded: Make) -> None:
    report = calibrate(make_embedded(subjects=40), fmr=[0.1])
    number = report.numbers["fmr@1e-01"]
    assert (number.low, number.high, number.missing_people) == (None, None, report.thresholds[0].missing_people)
    assert number.missing_people is not None and number.missing_people > 0
    assert "an interval needs" in str(report.in_language("en").headline[0])
    assert "cần thêm" in str(report.in_language("vi").headline[0])


def test_the_worst_group_chooses_when_asked_and_the_price_is_said() -> None:
    generator = np.random.default_rng(0)
    groups = ["near"] * 200 + ["wide"] * 300
    centres = generator.normal(size=(500, 8)) * np.repeat([0.6, 1.0], [200, 300])[:, None]
    vectors = floats(np.repeat(centres, 2, axis=0) + generator.normal(0, 0.3, (1000, 8)))
    origin = Origin(contract="c", model="m", metric="l2", normalized=False, detector="", source="made")
    embedded = Embedded(
        origin=origin,
        embeddings=vectors,
        subjects=tuple(f"s{n // 2:03d}" for n in range(1000)),
        paths=tuple(f"{n}.jpg" for n in range(1000)),
        records=(-1,) * 1000,
        names=tuple(f"{n}.jpg" for n in range(1000)),
        sha256=tuple(str(n) for n in range(1000)),
        strata={"group": tuple(groups[n // 2] for n in range(1000))},
    )
    usual, worst = calibrate(embedded, fmr=[1e-2]), calibrate(embedded, fmr=[1e-2], group="worst")
    (before,), (after,) = usual.thresholds, worst.thresholds
    assert after.group == "near" and after.value < before.value
    first, price = worst.in_language("en").headline
    assert str(first).startswith("FMR 0.01 within the worst group, near: accept at L2")
    assert f"The threshold for everybody, {before.value:.4f}, lets" in str(price) and "FNMR of everybody" in str(
        price
    )
    assert worst.in_language("vi").headline != worst.in_language("en").headline


def test_a_group_that_nobody_knows_is_refused(make_embedded: Make) -> None:
    with pytest.raises(ManifestError, match="--for is everybody or worst, not men"):
        PROTOCOL.check("x", {"fmr": None, "group": "men"})
    with pytest.raises(ManifestError, match="no groups are known"):
        calibrate(replace(make_embedded(subjects=30), strata={}), group="worst")
