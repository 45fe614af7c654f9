"""What a gallery holds: a subject needs a name, and names of files can be stored."""

import os

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.records import NewTemplate, Portrait, printable


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_a_subject_without_a_name_is_refused_by_its_file(name: str) -> None:
    portrait = Portrait(b"", np.zeros((5, 2), np.float32))
    with pytest.raises(GalleryError, match=r"door\.jpg: a subject needs a name"):
        NewTemplate(name, "sha", np.zeros(4, np.float32), portrait, source="door.jpg")
    assert NewTemplate("An", "sha", np.zeros(4, np.float32), portrait).subject == "An"


def test_bytes_that_are_not_utf8_are_written_out() -> None:
    assert printable("Nguyễn/1.jpg") == "Nguyễn/1.jpg"
    written = printable(os.fsdecode(b"N\xff.jpg"))
    assert written == "N\\udcff.jpg" and written.encode("utf-8")
