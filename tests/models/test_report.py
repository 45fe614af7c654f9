"""What mien doctor finds without loading an engine; the verb itself is tested in tests/cli/test_doctor.py."""

import pytest

from mien.models import report


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx2", "avx512_bf16"}, "bf16 where the golden vector agrees"),
        ({"amx_bf16"}, "bf16 where the golden vector agrees"),
        ({"avx2", "avx512f"}, "float32: the processor has no bf16"),
        (set(), None),
    ],
)
def test_the_precision_follows_the_processor(
    flags: set[str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_flags", lambda: flags)
    checks = {check.topic: check.detail for check in report.examine()}
    assert checks.get("precision") == expected
