"""The size in the header of MPEG-4 video."""

import pytest

from mien.video.frame_size import with_frame_size


def header(width: int, height: int, *, control: bool = False, fixed: bool = False, parts: bool = False) -> bytes:
    """A Video Object Layer as the standard writes it, bit by bit."""
    bits = "0" + "00000001" + ("1" + "0001" + "001" if parts else "0")
    bits += "1111" + "00001010" + "00000111" if parts else "0001"
    bits += ("1" + "01" + "1" + "1" + "0" * 79) if control else "0"
    bits += "00" + "1" + f"{30_000:016b}" + "1"
    bits += ("1" + f"{1001:015b}") if fixed else "0"
    bits += "1" + f"{width:013b}" + "1" + f"{height:013b}" + "1" + "0" * 12
    bits += "0" * (-len(bits) % 8)
    return b"before\0\0\1\x20" + int(bits, 2).to_bytes(len(bits) // 8, "big") + b"after"


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("parts", [False, True])
def test_width_and_height_are_exchanged_and_nothing_else(control: bool, fixed: bool, parts: bool) -> None:
    words = {"control": control, "fixed": fixed, "parts": parts}
    assert with_frame_size(header(640, 358, **words), (640, 358), (639, 357)) == header(639, 357, **words)


def test_a_header_of_another_size_or_none_is_refused() -> None:
    with pytest.raises(ValueError, match="another size"):
        with_frame_size(header(640, 358), (638, 358), (637, 358))
    with pytest.raises(ValueError, match="no header"):
        with_frame_size(b"nothing here", (2, 2), (1, 1))
    with pytest.raises(ValueError, match="too short"):
        with_frame_size(header(640, 358)[:14], (640, 358), (639, 358))
