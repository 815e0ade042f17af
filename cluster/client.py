"""Asks one ComfyUI on this machine: queue a prompt, follow it, stop it.

The package comfy-sdk speaks the Comfy API v2, which ComfyUI itself does not serve: a second process, comfy-api-proxy,
would stand before each ComfyUI. It passes on what a node said, but not the type of what it raised, by which mistakes
are told from faults, and no /object_info, which tables are checked against. docs/cluster.md shows both where they fit.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from .batch import Prompt, title_of
from .errors import HostDiedError, NodeFailedError, RefusedError

ANSWER_SECONDS = 120
POLL_SECONDS = 0.01  # a worker that samples waits meanwhile


@dataclass(frozen=True)
class Progress:
    """What a ComfyUI is doing: ``value`` of ``maximum`` steps of a node, 0 of 0 when it has just begun."""

    node: str
    value: int = 0
    maximum: int = 0


class ComfyClient:
    """A ComfyUI at a URL."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet; to be made within an event loop."""
        self._url = url
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))

    async def close(self) -> None:
        """Let go of its connections."""
        await self._http.close()

    async def get(self, path: str) -> dict:
        """The JSON answer to GET.

        Raises:
            HostDiedError: If there is none.
        """
        return (await self._ask("GET", path))[1]

    async def interrupt(self) -> None:
        """Stop what runs, and forget what is queued."""
        await self._ask("POST", "/queue", {"clear": True})
        await self._ask("POST", "/interrupt", {})

    async def run(self, prompt: Prompt, on_progress: Callable[[Progress], None]) -> dict:
        """Run a prompt to its end.

        Args:
            prompt: In API format.
            on_progress: Called when a node begins, and at each of its steps.

        Returns:
            For each output node what it says it wrote.

        Raises:
            RefusedError: If a node or an input of it is wrong.
            NodeFailedError: If a node raises.
            HostDiedError: If ComfyUI ends meanwhile.
        """
        name = uuid.uuid4().hex
        try:
            async with self._http.ws_connect(
                f"{self._url}/ws?clientId={name}", max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_receive=None)
            ) as messages:
                prompt_id = await self._queue(prompt, name)
                await self._follow(messages, prompt, prompt_id, on_progress)
        except aiohttp.ClientError as error:
            raise HostDiedError(f"ComfyUI does not answer: {error}") from None
        return await self._outputs(prompt_id)

    async def _outputs(self, prompt_id: str) -> dict:
        """Of a prompt that succeeded: ComfyUI says so a moment before its history does."""
        end = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < end:
            if entry := (await self.get(f"/history/{prompt_id}")).get(prompt_id):
                return entry["outputs"]
            await asyncio.sleep(POLL_SECONDS)
        raise HostDiedError("ComfyUI made a prompt and does not say what it wrote.")

    async def _queue(self, prompt: Prompt, name: str) -> str:
        status, answer = await self._ask("POST", "/prompt", {"prompt": prompt, "client_id": name})
        if status != 200 or answer.get("node_errors"):
            raise RefusedError(_refusal(prompt, answer))
        return answer["prompt_id"]

    async def _follow(
        self,
        messages: aiohttp.ClientWebSocketResponse,
        prompt: Prompt,
        prompt_id: str,
        on_progress: Callable[[Progress], None],
    ) -> None:
        async for message in messages:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue  # previews
            event = json.loads(message.data)
            kind, data = event["type"], event.get("data") or {}
            if data.get("prompt_id", prompt_id) != prompt_id:
                continue
            if kind in ("execution_error", "execution_interrupted"):
                raise _failure(prompt, data)
            if kind == "execution_success":
                return
            if kind in ("executing", "progress") and data.get("node"):
                on_progress(Progress(_title(prompt, data["node"]), int(data.get("value", 0)), int(data.get("max", 0))))
        raise HostDiedError("ComfyUI closed the connection while a prompt ran.")

    async def _ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        try:
            async with self._http.request(method, self._url + path, json=body) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text else {}
        except (aiohttp.ClientError, TimeoutError, asyncio.TimeoutError, OSError) as error:
            raise HostDiedError(f"ComfyUI does not answer: {error}") from None


def _title(prompt: Prompt, node_id: str) -> str:
    """Of a node of the prompt, also where one that it expanded to runs."""
    own = next((i for i in (node_id, node_id.split(".")[0]) if i in prompt), None)
    return title_of(prompt, own) if own else node_id


def _refusal(prompt: Prompt, answer: dict) -> str:
    lines = [
        f"{_title(prompt, node)}: {error['message']}: {error['details']}"
        for node, each in (answer.get("node_errors") or {}).items()
        for error in each["errors"]
    ]
    error = answer.get("error") or {}
    return (
        "; ".join(lines) or f"{error.get('message', 'ComfyUI refused the prompt')} {error.get('details', '')}".strip()
    )


def _failure(prompt: Prompt, data: dict) -> NodeFailedError:
    title = _title(prompt, str(data.get("node_id")))
    kind = data.get("exception_type", "Interrupted")
    return NodeFailedError(kind, title, f"{title}: {str(data.get('exception_message', 'interrupted')).strip()}")
