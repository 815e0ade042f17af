"""A recorded stub of ComfyUI: it takes its command line, answers what one answered, and computes nothing.

For batches of thousands of jobs, where only the driver is looked at, and for faults that a real one does not have on
demand. What a prompt asks for stands in its text: ``die``, ``hang``, ``mistake``, ``full``, ``slow``, ``large``, and
``held``, which makes a file of that name and goes on when there is one called ``go`` in the folder of the batch.
``kept`` waits in the same way for one called ``end``.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import hashlib
import json
import os
from pathlib import Path

from aiohttp import WSMsgType, web

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
MISTAKE = ("wan_vace.VaceInputError", "mask: got 3 frames, it must have 17. Connect one for each frame.")
FULL = ("builtins.OSError", f"[Errno {errno.ENOSPC}] No space left on device: 'video.mp4'")
ENDS = {"SaveVideo": ("images", "{}_00001_.mp4"), "VaceSaveVcu": ("vcus", "{}_00001_.vcu.safetensors")}
PARTS = ("VaceBuildVcu", "VaceSampleVcu")  # preparing and sampling, each of which takes so long
LARGE = 160 * 2**20
SECONDS = float(os.environ.get("STUB_SECONDS", "0"))


class Stub:
    """What it remembers: who listens, and what was made."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.info = json.loads((RECORDED / "object_info.json").read_text("utf-8"))
        models = self.info["DevLoadMiniature"]["input"]["required"]["model"][1]["options"]
        models[:] = [model for model in models if model != os.environ.get("STUB_LACKS")]
        self.film = (RECORDED / "video.mp4").read_bytes()
        self.sockets: dict[str, web.WebSocketResponse] = {}
        self.history: dict[str, dict] = {}
        self.running: asyncio.Task | None = None

    async def prompt(self, request: web.Request) -> web.Response:
        """POST /prompt."""
        asked = await request.json()
        unknown = [node["class_type"] for node in asked["prompt"].values() if node["class_type"] not in self.info]
        if unknown:
            error = {"type": "missing_node_type", "message": "Cannot execute", "details": unknown[0]}
            return web.json_response({"error": error, "node_errors": {}}, status=400)
        name = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]
        self.running = asyncio.create_task(self.run(name, asked["prompt"], self.sockets[asked["client_id"]]))
        return web.json_response({"prompt_id": name, "number": 1, "node_errors": {}})

    async def run(self, name: str, prompt: dict, socket: web.WebSocketResponse) -> None:
        """Do what a prompt asks for."""

        async def tell(kind: str, **data: object) -> None:
            await socket.send_json({"type": kind, "data": data | {"prompt_id": name}})

        text = json.dumps([node["inputs"].get("prompt", "") for node in prompt.values()])
        await tell("executing", node=next(iter(prompt)))
        await tell("progress", node=next(iter(prompt)), value=1, max=4)
        if "die" in text:
            os._exit(9)
        for word, file in {"held": "go", "kept": "end"}.items():
            if word in text:
                await self.hold(file)
        parts = sum(any(node["class_type"] == kind for node in prompt.values()) for kind in PARTS)
        await asyncio.sleep(3600 if "hang" in text else 1.5 if "slow" in text else parts * SECONDS)
        for word, (kind, message) in {"mistake": MISTAKE, "full": FULL}.items():
            if word in text:
                await tell("execution_error", node_id="5", exception_type=kind, exception_message=message)
                return
        more = bytes(LARGE) if "large" in text else b""
        try:
            made = {"outputs": {node: self.write(each, more) for node, each in prompt.items() if self.ends(each)}}
        except OSError as error:
            await tell("execution_error", node_id="6", exception_type="builtins.OSError", exception_message=str(error))
            return
        await tell("execution_success")
        await asyncio.sleep(0.01)  # as the real one: its history comes a moment later
        self.history[name] = made

    async def hold(self, file: str) -> None:
        """Say that a prompt runs, and wait for a file."""
        Path(self.options.output_directory, "held").touch()
        while not Path(self.options.input_directory).with_name(file).exists():
            await asyncio.sleep(0.05)

    def ends(self, node: dict) -> bool:
        """Whether a node writes a file."""
        return node["class_type"] in ENDS

    def write(self, node: dict, more: bytes) -> dict:
        """The recorded film; a VCU that says what it was made of."""
        key, pattern = ENDS[node["class_type"]]
        path = Path(self.options.output_directory, pattern.format(node["inputs"]["filename_prefix"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.film + more if key == "images" else json.dumps(node).encode())
        folder = path.parent.relative_to(self.options.output_directory).as_posix()
        return {key: [{"filename": path.name, "subfolder": folder, "type": "output"}]}

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """The websocket that events go to."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[request.query["clientId"]] = socket
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        del self.sockets[request.query["clientId"]]
        return socket

    async def interrupt(self, request: web.Request) -> web.Response:
        """POST /interrupt."""
        if self.running:
            self.running.cancel()
        return web.Response()

    async def stats(self, request: web.Request) -> web.Response:
        """GET /system_stats."""
        return web.json_response({"system": {"comfyui_version": os.environ.get("STUB_VERSION", "0.30.0")}})

    async def describe(self, request: web.Request) -> web.Response:
        """GET /object_info."""
        return web.json_response(self.info)

    async def past(self, request: web.Request) -> web.Response:
        """GET /history."""
        name = request.match_info["name"]
        return web.json_response({name: self.history[name]} if name in self.history else {})

    async def queue(self, request: web.Request) -> web.Response:
        """POST /queue."""
        return web.Response()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    for name in ("listen", "port", "base-directory", "input-directory", "output-directory", "temp-directory"):
        parser.add_argument(f"--{name}")
    options, _ = parser.parse_known_args()
    stub, app = Stub(options), web.Application()
    app.add_routes(
        [
            web.get("/system_stats", stub.stats),
            web.get("/object_info", stub.describe),
            web.get("/ws", stub.listen),
            web.post("/prompt", stub.prompt),
            web.post("/interrupt", stub.interrupt),
            web.post("/queue", stub.queue),
            web.get("/history/{name}", stub.past),
        ]
    )
    web.run_app(app, host=options.listen, port=int(options.port), print=None)


if __name__ == "__main__":
    main()
