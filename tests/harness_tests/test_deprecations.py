"""What is deprecated is found where the pack calls it, and the pack is not blamed for what others call."""

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from harness.browser.browser import listen
from harness.host.deprecations import MARK, ROOT, CallsDeprecatedWarning, in_log, listening
from harness.host.locations import Host
from harness.host.server import ComfyServer
from harness.inputs.planted import planted

NODE = str(ROOT / "nodes" / "planted.py")


def old(stacklevel):
    warnings.warn("old is deprecated", DeprecationWarning, stacklevel=stacklevel)


def old_of_host():
    logging.warning("The old_of_host function has been deprecated")


def well():
    warnings.warn("the moon is full", UserWarning, stacklevel=2)
    logging.warning("Low on memory")


def execute(call, *args):
    call(*args)


LIBRARY = {each.__name__: planted(each, "/elsewhere/comfy/library.py") for each in (old, old_of_host, well)}


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("place", [NODE, "/base/custom_nodes/wan-vace/nodes/planted.py"])
@pytest.mark.parametrize("called", [("old", 1), ("old", 2), ("old_of_host",)])
def test_what_a_node_of_ours_calls_is_found_with_its_place(deprecated, place, called):
    name, *rest = called
    planted(execute, place)(LIBRARY[name], *rest)
    line = deprecated.pop()
    assert line.startswith("nodes/planted.py:2: ") and "deprecated" in line


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("called", [("old", 1), ("old", 2), ("old_of_host",)])
def test_what_others_call_is_theirs_even_on_our_behalf(deprecated, called):
    name, *rest = called
    between = planted(execute, "/elsewhere/comfy/between.py")
    between(LIBRARY[name], *rest)
    planted(execute, NODE)(between, LIBRARY[name], *rest)
    assert not deprecated


@pytest.mark.filterwarnings("always")
def test_what_speaks_of_nothing_deprecated_is_left_alone(deprecated):
    planted(execute, NODE)(LIBRARY["well"])
    assert not deprecated


def test_afterwards_nobody_listens():
    before, handlers = warnings.showwarning, list(logging.getLogger().handlers)
    with listening():
        assert warnings.showwarning != before
    assert warnings.showwarning == before and logging.getLogger().handlers == handlers


PLANTED = """
import warnings
from pathlib import Path
import pytest
from harness.inputs.planted import planted

@pytest.fixture(scope="session")
def host():
    plant("made ready")

def execute(warn):
    warn()

def plant(what):
    planted(execute, FILE)(lambda: warnings.warn(what, DeprecationWarning, stacklevel=2))

def test_made_ready(host): pass
def test_called(): plant("called")
def test_well(): warnings.warn("by a test", DeprecationWarning)
"""


def test_a_test_fails_in_which_the_pack_calls_it(tmp_path):
    (tmp_path / "test_planted.py").write_text(f"FILE = {NODE!r}\n{PLANTED}", "utf-8")
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"), "utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    run = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    errors = {line for line in run.stdout.splitlines() if line.startswith("ERROR ")}
    assert {line.split(" - ")[0].rpartition("::")[2] for line in errors} == {"test_made_ready", "test_called"}
    assert "3 passed" in run.stdout and "nodes/planted.py:2: DeprecationWarning: called" in run.stdout


def test_a_server_says_what_it_was_told_as_it_ends(tmp_path):
    told = f"ERROR {MARK} nodes/planted.py:2: old is deprecated"
    serving = (
        "import http.server, sys\n"
        f"print({told!r}, flush=True)\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[sys.argv.index('--port') + 1])),"
        " http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    (tmp_path / "main.py").write_text(serving, "utf-8")
    (tmp_path / "system_stats").write_text("{}", "utf-8")
    server = ComfyServer(cpu=True, host=Host(tmp_path, Path(sys.executable), own=True), base=tmp_path)
    with pytest.warns(CallsDeprecatedWarning, match=r"nodes/planted\.py:2: old is deprecated"), server:
        pass


def test_a_log_of_others_tells_nothing():
    assert not in_log("DeprecationWarning: torch.jit is deprecated\nThe load_unet function has been deprecated")
    assert in_log("[DEPRECATION WARNING] Detected import of deprecated legacy API: /scripts/ui.js. This is likely")


class Page:
    """Takes what is to be called, as a page of playwright does."""

    def __init__(self):
        self.calls = {}

    def on(self, event, call):
        """Call this on such an event."""
        self.calls[event] = call


class Message:
    """A line of the console."""

    def __init__(self, kind, text):
        self.type, self.text = kind, text


def test_the_page_is_heard_where_it_names_us():
    page = Page()
    heard = listen(page)
    say = page.calls["console"]
    say(Message("warning", "node.setSizeForImage is deprecated. Please remove the call to it."))
    say(Message("warning", "wan_vace.look was loaded"))
    assert not heard
    say(Message("warning", 'Monkey-patching onResize is deprecated. (Extension: "wan_vace.look")'))
    say(Message("warning", "Use of defaultInput on required input custom_nodes.wan-vace:VaceBuildVcu:x is deprecated."))
    assert len(heard) == 2
