"""The recipe of docs/cluster.md that needs no GPU: comfy-sdk before comfy-api-proxy before a ComfyUI."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import comfy_sdk

from ..host.processes import start_group, stop_group
from ..host.server import ComfyServer, free_port
from .batches import workflow
from .running import batch_env

ADDRESS = "COMFY_BASE_URL"
STEPS = 2


def sample_elsewhere(folder: Path) -> list[str]:
    """A clip goes up and becomes a VCU, the VCU goes up and comes back as a video.

    The proxy passes on pictures, films and sound, but no VCU, so that is taken from the output folder of its ComfyUI.

    Args:
        folder: For what comes back.

    Returns:
        A line on each.
    """
    prompt = workflow("control_video", steps=STEPS)
    prepare = {key: prompt[key] for key in ("2", "3", "4")}
    prepare["7"] = {"class_type": "VaceSaveVcu", "inputs": {"vcu": ["4", 0], "filename_prefix": "vcu/recipe"}}
    sample = {key: prompt[key] for key in ("1", "5", "6")}
    sample["4"] = {"class_type": "VaceLoadVcu", "inputs": {"file": ""}}
    with ComfyServer() as server, _proxy(server.url) as url:
        os.environ[ADDRESS] = url
        clip = server.folders["input"] / "miniature_yellow_figure.webm"
        _run(prepare, ("2", "file", clip))
        vcu = max((server.folders["output"] / "vcu").glob("recipe*"), key=lambda path: path.stat().st_mtime)
        video = folder / "recipe.mp4"
        _run(sample, ("4", "file", vcu)).get_outputs("6")[0].to_file(str(video))
    sizes = [path.stat().st_size for path in (vcu, video)]
    return [
        f"comfy-sdk {comfy_sdk.__version__}: a clip into a VCU of {sizes[0]} bytes, that into a video of {sizes[1]}."
    ]


def _run(graph: dict, given: tuple[str, str, Path]) -> comfy_sdk.Job:
    """Run a prompt with a file of ours to its end."""
    node, name, file = given
    client = comfy_sdk.Comfy()
    made = client.workflows.from_json(graph)
    made.set_input(node, name, client.assets.from_file(str(file)))
    return client.run(made)


@contextlib.contextmanager
def _proxy(comfyui: str) -> Iterator[str]:
    port = free_port()
    argv = [sys.executable, "-c", "from comfy_api_proxy.cli import main; main()"]
    argv += ["--comfyui", comfyui, "--port", str(port)]
    process = start_group(argv, env=batch_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/api/v2/health", timeout=5)
                break
            time.sleep(0.1)
        yield url
    finally:
        stop_group(process)
