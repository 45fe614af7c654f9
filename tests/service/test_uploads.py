"""Crowds are refused with the remedy."""

import pytest

from mien.service.config import Limits
from mien.service.errors import ServiceError
from mien.service.uploads import refuse_crowds


def test_an_image_with_more_faces_than_the_service_takes() -> None:
    refuse_crowds("image", 3, Limits(faces=3))
    with pytest.raises(ServiceError, match="crop it into parts") as caught:
        refuse_crowds("image", 4, Limits(faces=3))
    assert caught.value.status == 413
