"""Policies: what was asked for goes before the setting, `auto` is what the caller makes of it."""

import pytest

from mien.errors import SettingsError
from mien.scope import scope_policy


def test_auto_is_the_default_and_leaves_it_to_the_caller() -> None:
    assert scope_policy(None) == "warn" and scope_policy("auto") == "warn"
    assert scope_policy(None, otherwise="demand") == scope_policy("auto", otherwise="demand") == "demand"


def test_what_was_asked_for_goes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_SCOPE", "ignore")
    assert scope_policy(None, otherwise="demand") == "ignore" and scope_policy("demand") == "demand"
    assert scope_policy("auto", otherwise="demand") == "demand"


def test_another_word_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match="demnd"):
        scope_policy("demnd")
