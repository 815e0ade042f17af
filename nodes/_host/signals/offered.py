"""What the page is told of annotators' files, so that it can offer those that are missing for download."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web
from server import PromptServer

from .depth import DEPTH_NETWORKS
from .files import OWN, Weights, names_here
from .flow import RAFT_FILES, raft_weights
from .lines import LINE_NETWORKS
from .pose import POSE_FILES
from .subject import SALIENT_FILES

ROUTE = "/wan_vace/annotator_files"


def needed_files() -> dict[str, dict[str, list[dict[str, object]]]]:
    """By node, and by the method chosen in it: name, url, directory and whether it is here, of each file.

    Left out are methods with files that only a package of Python carries: nobody can download these by themselves.
    """
    here = names_here()
    return {
        node: {
            method: [_described(weights, here) for weights in files]
            for method, files in methods.items()
            if not any(weights.installed[0] for weights in files)
        }
        for node, methods in _methods().items()
    }


def serve_needed_files() -> None:
    """Answer the page's question for them; without a server nobody asks.

    A second copy of the pack leaves it to the first: two answers to one question would keep ComfyUI from starting.
    """
    running = getattr(PromptServer, "instance", None)
    if running is not None and all(getattr(route, "path", None) != ROUTE for route in running.routes):
        running.routes.get(ROUTE)(_answer)


async def _answer(_: web.Request) -> web.Response:
    return web.json_response(await asyncio.to_thread(needed_files))


def _methods() -> dict[str, Mapping[str, Sequence[Weights]]]:
    return {
        "VaceAnnotateDepth": {method: [weights] for method, (weights, _) in DEPTH_NETWORKS.items()},
        "VaceAnnotateFlow": {method: [raft_weights(method)] for method in RAFT_FILES},
        "VaceAnnotateLineart": {method: [network.weights] for method, network in LINE_NETWORKS.items()},
        "VaceAnnotatePose": POSE_FILES,
        "VaceMaskSubject": {method: [weights] for method, weights in SALIENT_FILES.items()},
    }


def _described(weights: Weights, here: frozenset[str]) -> dict[str, object]:
    return {
        "name": weights.names[0],
        "url": weights.url,
        "directory": OWN,
        "here": not here.isdisjoint(weights.names),
    }
