"""A headless Chromium on ComfyUI's front end: found, started, opened, and what it complains about."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..host.base_directory import SETTINGS
from ..host.deprecations import SIGN
from ..host.locations import SetupError
from ..host.server import ComfyServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
VIEW = {"width": 1500, "height": 900}
TIMEOUT = 60_000  # milliseconds
READY = "() => window.app?.extensionManager && window.app?.graph && !document.querySelector('.p-blockui-mask')"
MODES = {"classic": False, "Nodes 2.0": True}  # what Comfy.VueNodes.Enabled is in each
OTHER_FRONT_END = "WAN_VACE_FRONT_END"  # a folder to test with, instead of the host's own
MODE_SETTING = "Comfy.VueNodes.Enabled"
# Of every start: files that a new user does not have, models of the default workflow, and a slip of the front end.
USUAL = (
    "Failed to load resource",
    "Content Security Policy",
    "ComfyApp graph accessed before initialization",
    "Error fetching file size",  # of a missing model; older front ends, where there is no network
)
NAMED = re.compile(r"[Ww]an.?[Vv]ace|\bVace[A-Z]")  # by its folder, its scripts or a node


def find_chromium() -> str | None:
    """The browser to use: what ``CHROMIUM`` names, else one that is installed."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, (*PROGRAMS, ON_A_MAC))), None)


def missing() -> str | None:
    """What has to be installed before a browser can be driven, as a sentence; None if nothing has."""
    if not find_chromium():
        return "No Chromium found. Install it, or set CHROMIUM to its path."
    if not importlib.util.find_spec("playwright"):
        return "The Python package playwright is missing. Install it into the host's Python."
    return None


def require_chromium() -> None:
    """Pass if a browser can be driven.

    Raises:
        SetupError: If something has to be installed first.
    """
    if sentence := missing():
        raise SetupError(sentence)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser inside a ``with`` block, in which ``asyncio.run`` cannot be used.

    Raises:
        SetupError: If something has to be installed first.
    """
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def serve_front_end(root: Path | None = None) -> Iterator[ComfyServer]:
    """A host whose settings are apart from those of ``dev.py serve``.

    Args:
        root: Folder of the front end; the host's own if None.
    """
    with tempfile.TemporaryDirectory() as user:
        (Path(user) / "default").mkdir()
        (Path(user) / "default" / "comfy.settings.json").write_text(json.dumps(SETTINGS), "utf-8")
        arguments = ["--user-directory", user, *(["--front-end-root", str(root)] if root else [])]
        with ComfyServer(cpu=True, arguments=tuple(arguments)) as server:
            yield server


@contextlib.contextmanager
def front_end_or_skip() -> Iterator[tuple[ComfyServer, Browser]]:
    """A host and a browser for tests; skipped where there is no browser, but on CI that is a failure."""
    import pytest

    if sentence := missing():
        without = pytest.fail if os.environ.get("CI") else pytest.skip
        without(sentence)
    other = os.environ.get(OTHER_FRONT_END)
    with serve_front_end(Path(other) if other else None) as server, chromium() as browser:
        yield server, browser


def set_mode(server: ComfyServer, mode: str) -> None:
    """Choose how pages that are opened from now on draw nodes; the host keeps it among the user's settings.

    Args:
        server: The host.
        mode: A key of ``MODES``.
    """
    server.post("/settings", {MODE_SETTING: MODES[mode]})


def open_front_end(page: Page, url: str) -> None:
    """Go to ComfyUI's page and wait until it can be used."""
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function(READY, timeout=TIMEOUT)
    page.wait_for_selector("[data-testid=queue-button]", timeout=TIMEOUT)


def listen(page: Page) -> list[str]:
    """A list that grows by every error that the page throws, or writes to its console, from now on.

    What it calls deprecated is among them where it names this pack, or a node of it.
    """
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        wrong = message.type == "error" and not any(usual in message.text for usual in USUAL)
        if wrong or (SIGN.search(message.text) and NAMED.search(message.text)):
            heard.append(f"console: {message.text}")

    page.on("pageerror", lambda error: heard.append(f"thrown: {error}"))
    page.on("console", hear)
    return heard
