"""Every example workflow through a server of its own, with the miniature's models, one step each."""

from __future__ import annotations

from ..host import base_directory
from ..host.locations import locate
from ..host.server import ComfyServer
from ..structure.schema import cut
from ..workflows import API, miniature, published
from .device import NotTriedError, accelerator
from .session import Session

CLASSIC = "--disable-dynamic-vram"
SWITCHED_ON = "DynamicVRAM support detected and enabled"  # what the host's log says
LONGEST = 120.0


def run(session: Session) -> None:
    """A row for each workflow, and one that says what the server did with dynamic VRAM."""
    base_directory.fill(locate())
    classic = session.group == CLASSIC
    if classic and CLASSIC not in (locate().comfyui / "comfy" / "cli_args.py").read_text("utf-8"):
        session.try_row("all of them", without_the_flag)
        return
    with ComfyServer(cpu=accelerator() is None, arguments=(CLASSIC,) if classic else ()) as server:
        on = SWITCHED_ON in server.log.read_text("utf-8", errors="replace")
        session.put("dynamic VRAM of the server", note="on" if on else "off")
        for name in sorted(path.stem for path in API.glob("*.json")):
            session.try_row(name, lambda name=name: run_workflow(session, server, name))


def without_the_flag() -> None:
    """This host has no dynamic VRAM, and so no way to leave it off."""
    raise NotTriedError(f"this ComfyUI has no {CLASSIC}")


def run_workflow(session: Session, server: ComfyServer, name: str) -> dict:
    """Run one; it must write what it says.

    Args:
        session: Of the task.
        server: A host that runs.
        name: Of the workflow.
    """
    prompt = cut(miniature(published(name), name, steps=1))
    entry, found = session.watched(lambda: server.run(prompt, timeout=max(1.0, min(LONGEST, session.left()))))
    files = server.outputs(entry)
    missing = [file.name for file in files if not (file.is_file() and file.stat().st_size)]
    if not files or missing:
        raise FileNotFoundError(f"it wrote no {', '.join(missing) or 'file'}")
    return found
