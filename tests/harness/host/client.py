"""Ask a running ComfyUI: queue prompts, follow them, collect what they wrote."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Progress:
    """What a node is doing: ``value`` of ``maximum`` steps, 0 of 0 when it has just begun."""

    node_id: str
    title: str
    value: int
    maximum: int


class PromptRefusedError(Exception):
    """The host did not accept a prompt.

    Attributes:
        status: HTTP status.
        error: The host's ``error`` object, with ``type`` and ``message``.
        node_errors: For each node id, its ``class_type`` and list of ``errors``.
    """

    def __init__(self, status: int, answer: dict) -> None:
        self.status = status
        self.error = answer.get("error") or {}
        self.node_errors = answer.get("node_errors") or {}
        lines = [
            f"node {node_id} ({node['class_type']}): {error['message']}: {error['details']}"
            for node_id, node in self.node_errors.items()
            for error in node["errors"]
        ]
        super().__init__("\n".join(lines) or str(self.error))


class PromptFailedError(Exception):
    """A node raised, or the run was interrupted.

    Attributes:
        node_id: The node, as in the prompt.
        node_type: Its class.
        exception_type: Name of what it raised; ``Interrupted`` when the run was stopped.
        exception_message: Its text, as the user sees it.
        traceback: Its traceback as one text.
    """

    def __init__(self, event: dict) -> None:
        self.node_id = event.get("node_id")
        self.node_type = event.get("node_type")
        self.exception_type = event.get("exception_type", "Interrupted")
        self.exception_message = event.get("exception_message", "").strip()
        self.traceback = "".join(event.get("traceback", []))
        super().__init__(f"node {self.node_id} ({self.node_type}): {self.exception_type}: {self.exception_message}")


class HostDiedError(Exception):
    """ComfyUI ended, or never answered; the message says what is known."""


class ComfyClient:
    """A ComfyUI at a URL.

    Attributes:
        url: Such as ``http://127.0.0.1:8188``.
        folders: Where files of type ``output``, ``temp`` and ``input`` lie.
    """

    def __init__(self, url: str, folders: dict[str, Path]) -> None:
        self.url = url
        self.folders = folders
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, whatever the proxy

    def get(self, path: str) -> dict:
        """The JSON answer to GET."""
        return self._request(path)

    def post(self, path: str, body: dict) -> dict:
        """The JSON answer to POST; empty if the host says nothing."""
        return self._request(path, json.dumps(body).encode())

    def _request(self, path: str, body: bytes | None = None) -> dict:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with self._http.open(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def queue(self, prompt: dict, client_id: str = "", targets: Sequence[str] = ()) -> str:
        """Queue a prompt in API format.

        Args:
            prompt: API format.
            client_id: Whom the host tells how far it is.
            targets: Ids of the output nodes to run; all if empty.

        Returns:
            Its prompt id.

        Raises:
            PromptRefusedError: If the host finds an error in it; also when only some of its outputs have one,
                in which case the rest is taken from the queue again.
        """
        try:
            wanted = {"partial_execution_targets": list(targets)} if targets else {}
            answer = self.post("/prompt", {"prompt": prompt, "client_id": client_id, **wanted})
        except urllib.error.HTTPError as error:
            with error:
                raise PromptRefusedError(error.code, json.loads(error.read())) from None
        if answer["node_errors"]:
            self.post("/queue", {"delete": [answer["prompt_id"]]})
            raise PromptRefusedError(200, answer)
        return answer["prompt_id"]

    def run(
        self,
        prompt: dict,
        timeout: float = 120.0,
        on_progress: Callable[[Progress], None] | None = None,
        on_event: Callable[[dict], None] | None = None,
    ) -> dict:
        """Queue a prompt and wait for its end.

        Args:
            prompt: API format.
            timeout: Seconds.
            on_progress: Called when a node begins and at each of its steps.
            on_event: Called with each message of the host, also about nodes that a node expanded to.

        Returns:
            The history entry: ``outputs``, ``status``, ``prompt``.

        Raises:
            PromptRefusedError: If the host finds an error in it.
            PromptFailedError: If a node raises.
            TimeoutError: If it takes longer; the run is interrupted first.
            HostDiedError: If the host stops meanwhile.
        """
        try:
            prompt_id = asyncio.run(asyncio.wait_for(self._follow(prompt, on_progress, on_event), timeout))
        except (TimeoutError, asyncio.TimeoutError):
            self.interrupt()
            raise TimeoutError(f"The prompt was not done after {timeout:g} seconds.") from None
        return self._wait_for(lambda: self.history(prompt_id), timeout)

    async def _follow(self, prompt: dict, on_progress: Callable | None, on_event: Callable | None) -> str:
        import aiohttp

        client_id = uuid.uuid4().hex
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws?clientId={client_id}", max_msg_size=0) as socket,
        ):
            prompt_id = await asyncio.to_thread(self.queue, prompt, client_id)
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue  # binary messages are preview pictures
                event = json.loads(message.data)
                if on_event:
                    on_event(event)
                if _ends(event, prompt_id):
                    return prompt_id
                if on_progress and (progress := _progress(event, prompt)):
                    on_progress(progress)
        raise HostDiedError("The host closed the connection while the prompt ran.")

    def interrupt(self) -> None:
        """Stop what is running."""
        self.post("/interrupt", {})

    def history(self, prompt_id: str) -> dict | None:
        """The history entry of a prompt; None while it is not done."""
        return self.get(f"/history/{prompt_id}").get(prompt_id)

    def wait_idle(self, timeout: float = 120.0) -> None:
        """Wait until nothing runs and nothing is queued.

        Raises:
            TimeoutError: If that takes longer than ``timeout`` seconds.
        """
        self._wait_for(lambda: not any(self.get("/queue").values()), timeout)

    def object_info(self) -> dict:
        """The description of every node class."""
        return self.get("/object_info")

    def outputs(self, entry: dict) -> list[Path]:
        """The files that a run wrote, of all its output nodes.

        Args:
            entry: A history entry.
        """
        return [
            self.folders[item["type"]] / item["subfolder"] / item["filename"]
            for node in entry["outputs"].values()
            for items in node.values()
            for item in items
            if isinstance(item, dict) and "filename" in item
        ]

    @staticmethod
    def _wait_for(ask: Callable[[], object], timeout: float) -> object:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if answer := ask():
                return answer
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"The host was not done after {timeout:g} seconds.")


def _ends(event: dict, prompt_id: str) -> bool:
    kind, data = event["type"], event["data"]
    if data.get("prompt_id") != prompt_id:
        return False
    if kind in ("execution_error", "execution_interrupted"):
        raise PromptFailedError(data)
    return kind == "execution_success"


def _progress(event: dict, prompt: dict) -> Progress | None:
    data = event["data"]
    node_id = data.get("node")
    if event["type"] not in ("executing", "progress") or node_id not in prompt:
        return None
    node = prompt[node_id]
    title = node.get("_meta", {}).get("title") or node["class_type"]
    return Progress(node_id, title, int(data.get("value", 0)), int(data.get("max", 0)))
