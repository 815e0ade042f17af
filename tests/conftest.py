"""Makes the pack importable as ``wan_vace`` without running its ComfyUI entry point, and loads the host."""

import asyncio
import contextlib
import os
import sys
import types
from pathlib import Path

import pytest
import torch

from harness.host.deprecations import listening

SLOW_FOLDERS = "miniature", "long", "cluster"
DEPRECATED = pytest.StashKey[list]()
PACK_ROOT = Path(__file__).resolve().parent.parent

# A bare package object: submodules import normally, the host-only __init__.py never runs.
_pack = types.ModuleType("wan_vace")
_pack.__path__ = [str(PACK_ROOT)]
sys.modules["wan_vace"] = _pack


def pytest_configure(config):
    if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes
        from harness.host.workers import own_base_directory

        base = contextlib.ExitStack()
        base.enter_context(own_base_directory())
        config.add_cleanup(base.close)
    # Most tests of the core do not listen to what is told; nodes must (tests/host/conftest.py).
    config.addinivalue_line("filterwarnings", "ignore::wan_vace.vace_core.notes.UnheardNote")
    config.addinivalue_line("filterwarnings", "error::harness.host.deprecations.CallsDeprecatedWarning")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Listen to a test and to all that is made ready for it."""
    with listening() as item.stash[DEPRECATED]:
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Fail a test in which the pack called what the host or a library calls deprecated."""
    yield
    found = "\n".join(dict.fromkeys(item.stash[DEPRECATED]))
    assert not found, f"deprecated, and called by the pack:\n{found}"


@pytest.fixture
def deprecated(request):
    """What the pack called in this test, though it is deprecated; once it was taken from here, the test passes."""
    return request.node.stash[DEPRECATED]


def pytest_collection_modifyitems(items):
    """Put files that start a host or train before the others, so that no process is left with them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("server")}
    slow |= {item.path for item in items if item.path.parent.name in SLOW_FOLDERS}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def gradients():
    """Gradients are computed, whatever tests before switched off for the whole process."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@pytest.fixture
def notes():
    """What is told during a test, outside of what collects for itself."""
    from wan_vace.vace_core.notes import collect_notes

    with collect_notes() as told:
        yield told


@pytest.fixture(scope="session")
def mediapipe_networks() -> Path:
    """The folder of the networks that mediapipe's wheel carries."""
    from harness.host.mediapipe import are_here, networks

    if not are_here():
        without = pytest.fail if os.environ.get("CI") else pytest.skip
        without("mediapipe's networks are not here; `python dev.py test` fetches them")
    return networks()


@pytest.fixture(scope="session")
def host():
    """ComfyUI's ``nodes`` module, on the device that it chooses, with the pack and the small checkpoints in reach."""
    comfyui = os.environ.get("COMFYUI_PATH")
    if not comfyui:
        without = pytest.fail if os.environ.get("CI") else pytest.skip  # a check that runs nothing must not pass
        without("COMFYUI_PATH is not set; run the tests with `python dev.py test`")
    from harness.host.inprocess import import_host

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # float32 is float32 on a GPU too
    return import_host(Path(comfyui))


@pytest.fixture(scope="session")
def host_nodes(host) -> dict[str, type]:
    """Our node classes by id, after ComfyUI's own loader has loaded the pack."""
    before = set(host.NODE_CLASS_MAPPINGS)
    assert asyncio.run(host.load_custom_node(str(PACK_ROOT))), "ComfyUI refused the pack; see its log above"
    return {k: v for k, v in host.NODE_CLASS_MAPPINGS.items() if k not in before}
