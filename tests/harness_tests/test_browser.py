"""Finding a browser."""

import importlib.util

import pytest

from harness.browser import browser
from harness.host.locations import SetupError


def test_the_named_browser_comes_before_an_installed_one(monkeypatch, tmp_path):
    program = tmp_path / "chromium"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert browser.find_chromium() == str(program)
    monkeypatch.setenv("CHROMIUM", "mine")
    assert browser.find_chromium() == "mine"


def test_what_is_missing_is_said_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "ON_A_MAC", str(tmp_path / "none"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(SetupError, match=r"No Chromium found\. Install it, or set CHROMIUM to its path\."):
        browser.require_chromium()
    monkeypatch.setenv("CHROMIUM", "mine")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match="The Python package playwright is missing"):
        browser.require_chromium()
