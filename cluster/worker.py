"""A worker: a Ray actor with a ComfyUI of its own, kept warm over jobs and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import ray

from .batch import ARRIVED, Catalog, Prompt, Store, copy_of, copy_whole, sha256_of
from .client import Progress
from .comfy import RUNS, ComfyProcess
from .errors import BatchError, HostDiedError, NodeFailedError, RefusedError
from .faults import FAULT, MISTAKE, judge
from .settings import Settings

PACK = "VaceSampleVcu"  # whose class says where the pack lies
PREFIX = "filename_prefix"
DONE, LACKS, NEW = "done", "lacks", "new"
COPIES = 4 * 2**30  # bytes of files that a worker keeps of a batch whose folder it does not see


class Worker:
    """Runs parts of jobs, one at a time."""

    def __init__(self, name: str, settings: Settings, *, on_cpu: bool) -> None:
        """Nothing is started yet: `start` does, and says what is wrong.

        Args:
            name: As people see it.
            settings: The batch's.
            on_cpu: Whether ComfyUI is kept off the accelerator.
        """
        self._name, self._settings, self._on_cpu = name, settings, on_cpu
        self._comfy: ComfyProcess | None = None
        self._progress = Progress("")
        self._catalog: Catalog | None = None

    @ray.method(max_task_retries=-1)
    async def start(self, after: float = 0.0) -> dict:
        """Start ComfyUI, ``after`` seconds; says what there is: machine, versions, or an ``error`` sentence.

        An error is ``lasting`` if another start would end in it too.
        """
        about = {"machine": platform.node(), "pid": os.getpid(), "comfyui": "", "pack": "", "error": ""}
        await asyncio.sleep(after)
        try:
            self.settle()
            client = await self._comfy.ensure()
            await client.interrupt()  # asked again, it was taken for dead: nobody waits for what it still makes
            info = await client.get("/object_info")
            self._catalog = Catalog(info)
            about["comfyui"] = (await client.get("/system_stats"))["system"]["comfyui_version"]
            about["pack"] = await asyncio.to_thread(self._pack_version, info)
        except (HostDiedError, BatchError, OSError) as error:
            about |= {"error": str(error), "lasting": isinstance(error, BatchError)}
        return about

    def settle(self) -> None:
        """Make the folders, the first time, and remove what an earlier worker of this name left unfinished.

        Raises:
            BatchError: If they cannot be its own.
        """
        if self._comfy is None:
            self._scratch = scratch_folder(self._settings, self._name)
            self._comfy = ComfyProcess(self._settings, self._scratch, on_cpu=self._on_cpu)
            self._store = Store(self._comfy.input)
            for path in self._comfy.output.iterdir():
                if path.is_file():
                    path.unlink()
                elif path.name != RUNS:
                    shutil.rmtree(path, ignore_errors=True)

    async def clear(self) -> None:
        """End ComfyUI, and remove the folder that this machine has of the batch."""
        if self._comfy is None:
            return
        await self._comfy.stop()
        if not self._settings.shared:
            await asyncio.to_thread(shutil.rmtree, self._scratch, True)

    async def object_info(self) -> dict:
        """What its ComfyUI says of its nodes."""
        return await (await self._comfy.ensure()).get("/object_info")

    async def progress(self) -> dict:
        """What it is doing now."""
        return asdict(self._progress)

    async def run(self, task: dict, *packs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Run one prompt.

        Args:
            task: ``prompt``; ``job`` and ``token``, which name the folder of what it makes; ``savers``, ids of nodes
                whose files go into the store; ``files``, the names of what it reads, and where no folder is shared
                ``places``, a pack and a number in it for each of them.
            packs: Contents of files.

        Returns:
            The report, and where no folder is shared the contents of what was made, those for the store first. One
            whose ComfyUI is not up, as when Ray has made it anew, reports that it is `NEW`, and is to be asked to
            `start`: that takes its time, which is no time of a job.
        """
        if self._catalog is None or not self._comfy.is_up:
            return {"state": NEW, "error": ""}, []
        self._progress = Progress("starting")
        began = time.time()
        try:
            await asyncio.to_thread(self._fetch, task, packs)
            if lacking := await self._lacking(task["prompt"]):
                return {"state": LACKS, "error": lacking}, []
            prompt = self._named(task)
            outputs = await asyncio.wait_for(self._comfy.client.run(prompt, self._hear), self._settings.limit)
            report, contents = await asyncio.to_thread(self._collect, task, outputs)
        except asyncio.CancelledError:  # by ray.cancel
            with contextlib.suppress(HostDiedError):  # then it is cancelled all the more
                if self._comfy.client:
                    await self._comfy.client.interrupt()
            raise
        except Exception as error:  # noqa: BLE001  (every one is reported, none is lost)
            report, contents = await self._judge(error), []
        await asyncio.to_thread(self._tidy, task)
        self._progress = Progress("")
        return report | {"began": began, "ended": time.time(), "machine": platform.node()}, contents

    def _fetch(self, task: dict, packs: tuple[list[bytes], ...]) -> None:
        """Write what a task reads where no folder is shared, in place of what was read longest ago."""
        if not self._settings.shared:
            self._store.keep_to(COPIES)
        for name, (pack, number) in zip(task["files"], task["places"], strict=False):
            self._store.write(name, packs[pack][number])

    def _tidy(self, task: dict) -> None:
        shutil.rmtree(self._folder(task), ignore_errors=True)
        with contextlib.suppress(OSError):  # another attempt of the same job
            self._folder(task).parent.rmdir()

    def _hear(self, progress: Progress) -> None:
        self._progress = progress

    def _named(self, task: dict) -> Prompt:
        """The prompt, its results in a folder that no other attempt writes to."""
        prompt = copy_of(task["prompt"])
        for node in prompt.values():
            sockets = self._catalog.sockets(node["class_type"], node["inputs"])
            if self._catalog.is_end(node["class_type"]) and PREFIX in sockets:
                own = node["inputs"].get(PREFIX) or sockets[PREFIX].options.get("default")
                own = own.rpartition("/")[2] if isinstance(own, str) else ""  # a wire: only the node knows what it says
                node["inputs"][PREFIX] = f"{task['job']}/{task['token']}/{own or 'result'}"
        return prompt

    def _folder(self, task: dict) -> Path:
        return self._comfy.output / task["job"] / task["token"]

    async def _lacking(self, prompt: Prompt) -> str:
        """A sentence on the first model or choice that this machine does not have."""
        for node in prompt.values():
            if not self._catalog.knows(node["class_type"]):
                return f"{self._name} has no node {node['class_type']}."
            for socket in self._catalog.sockets(node["class_type"], node["inputs"]).values():
                value = node["inputs"].get(socket.name)
                open_choice = socket.choices is None or socket.is_file or "remote" in socket.options
                if open_choice or isinstance(value, list) or value is None:
                    continue
                if value not in socket.choices:
                    return f"{self._name} on {platform.node()} has no {socket.name} {value}."
        return ""

    def _collect(self, task: dict, outputs: dict) -> tuple[dict, list[bytes]]:
        """What was written, VCUs into the store; contents only where no folder is shared."""
        saved = [self._files(outputs.get(saver, {}))[0] for saver in task["savers"]]
        shown = [path for node, said in outputs.items() if node not in task["savers"] for path in self._files(said)]
        names = _distinct([_plain(path.name) for path in shown])
        made = [
            {"name": name, "path": str(path), "size": path.stat().st_size, "sha256": sha256_of(path)}
            for name, path in zip(names, shown, strict=True)
        ]
        if self._settings.shared:
            vcus = [self._store.take(path, sha256_of(path), task["job"]) for path in saved]
            kept = Path(self._settings.batch) / ARRIVED / task["token"]
            for each in made:
                kept.mkdir(parents=True, exist_ok=True)
                self._take(task, Path(each["path"]), kept / each["name"])
                each["path"] = str(kept / each["name"])
            contents = []
        else:
            vcus = [self._store.name_of(path, sha256_of(path), task["job"]) for path in saved]
            contents = [path.read_bytes() for path in (*saved, *shown)]
        return {"state": DONE, "vcus": vcus, "outputs": made}, contents

    def _take(self, task: dict, path: Path, kept: Path) -> None:
        """Out of the folder of this attempt; what lies elsewhere is copied, for ComfyUI may write to it again."""
        if self._folder(task) in path.parents:
            path.replace(kept)
        else:
            copy_whole(path, kept)

    def _files(self, said: dict) -> list[Path]:
        items = [item for items in said.values() if isinstance(items, list) for item in items]
        named = [
            item for item in items if isinstance(item, dict) and item.get("type") == "output" and "filename" in item
        ]
        return [self._comfy.output / item.get("subfolder", "") / item["filename"] for item in named]

    async def _judge(self, error: Exception) -> dict:
        """What went wrong, and whose fault it was; a ComfyUI that hangs is ended."""
        if isinstance(error, RefusedError):
            return {"state": MISTAKE, "error": str(error)}
        if isinstance(error, NodeFailedError):
            return {"state": judge(error.kind, str(error)), "error": str(error)}
        if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
            await self._comfy.stop()
            limit = self._settings.limit
            return {"state": FAULT, "error": f"It took longer than {limit:g} s, so ComfyUI was ended. --limit sets it."}
        if isinstance(error, HostDiedError):
            last = self._comfy.tail().strip().split("\n")[-1]
            await self._comfy.stop()
            return {"state": FAULT, "error": f"{error} Its last line: {last}" if last else str(error)}
        return {"state": FAULT, "error": f"{type(error).__name__}: {error}"}

    def _pack_version(self, info: dict) -> str:
        """A hash of the pack's Python files, so that no two versions make one batch."""
        folder = info.get(PACK, {}).get("python_module", "").rpartition(".")[2]
        comfyui, _, base = self._settings.here()
        roots = [root / "custom_nodes" / folder for root in (base, comfyui)]
        root = next((root for root in roots if folder and root.is_dir()), None)
        if root is None:
            return ""
        digest = hashlib.sha256()
        for layer in ("nodes", "annotators", "vace_core"):
            for path in sorted((root / layer).rglob("*.py")):
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
        return digest.hexdigest()[:12]


def scratch_folder(settings: Settings, name: str) -> Path:
    """The folder of a worker: in the batch's, or where that is not shared one of this user and this batch alone.

    Raises:
        BatchError: If another user made it first.
    """
    if settings.shared:
        folder = Path(settings.batch) / "workers" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    user = os.getuid() if hasattr(os, "getuid") else None  # on Windows the temporary folder is the user's own
    root = Path(tempfile.gettempdir(), "wan_vace_cluster" + ("" if user is None else f"_{user}"))
    root.mkdir(mode=0o700, exist_ok=True)
    if user is not None and (root.is_symlink() or root.stat().st_uid != user):
        raise BatchError(f"{root} belongs to another user. Remove it, or set TMPDIR before `ray start`.")
    digest = hashlib.sha256(settings.batch.encode()).hexdigest()[:12]
    folder = root / f"{Path(settings.batch).name}_{digest}_{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _plain(name: str) -> str:
    """A file's name without ComfyUI's counter where that says nothing: ``shot_00001_.mp4`` is ``shot.mp4``."""
    stem, dot, end = name.partition(".")
    return (stem.removesuffix("_00001_") or stem) + dot + end


def _distinct(names: list[str]) -> list[str]:
    """Of names that are one where capitals are not told apart, the second has a 2 before it, and so on."""
    found, taken = [], set()
    for name in names:
        number, fresh = 1, name
        while fresh.casefold() in taken:
            number += 1
            fresh = f"{number}_{name}"
        found.append(fresh)
        taken.add(fresh.casefold())
    return found
