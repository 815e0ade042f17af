"""ComfyUI with the pack and the miniature in the browser, until Ctrl+C."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import webbrowser
from pathlib import Path

from ..canvas.texts import texts
from ..workflows import as_graph, miniature, published
from .client import HostDiedError
from .locations import SetupError, base_dir
from .server import ComfyServer

FOLDER = "miniature"


def write_workflows(folder: Path) -> list[Path]:
    """Write every published workflow as it runs on the miniature, over what was written before.

    Args:
        folder: Among the user's workflows.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for text in texts().values():
        graph = json.loads(text.graph.read_text("utf-8"))
        runs = as_graph(graph, miniature(published(text.name), text.name))
        files.append(folder / text.graph.name)
        files[-1].write_text(json.dumps(runs, indent=1, ensure_ascii=False), "utf-8")
    return files


def main() -> int:
    """Serve until interrupted.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="dev.py serve")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="a fixed port instead of a free one")
    options = parser.parse_args()
    write_workflows(base_dir() / "user" / "default" / "workflows" / FOLDER)
    try:
        with contextlib.suppress(KeyboardInterrupt), ComfyServer(port=options.port) as server:
            print(f"{server.url}  (Ctrl+C stops it; log: {server.log})", flush=True)
            print(f"Workflows that run here: press W in the browser and open the folder {FOLDER}.", flush=True)
            if not options.no_browser:
                webbrowser.open(server.url)
            server.process.wait()
            print(f"ComfyUI ended by itself. The end of its log:\n{server.log_tail()}", file=sys.stderr)
            return 1
    except (HostDiedError, SetupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
