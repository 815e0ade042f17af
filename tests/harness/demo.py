"""One small generation in a real ComfyUI: from a clip, a mask and a reference to an mp4."""

from __future__ import annotations

import json
import sys
import time

from .client import HostDiedError, Progress, PromptFailedError, PromptRefusedError
from .places import ROOT, SetupError
from .server import ComfyServer
from .workflows import small

WORKFLOW = ROOT / "example_workflows" / "api" / "inpaint_with_reference.json"
SIZE = {"width": 192, "height": 192, "length": 17, "steps": 6}
BAR = 24


class Display:
    """Shows the node at work: a bar that fills on a terminal, else one line for each node."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        begins = self.last is None or progress.node_id != self.last.node_id
        if begins:
            self.close()
        if self.live:
            self._draw(progress, progress.value / max(progress.maximum, 1))
        elif begins:
            print(f"  {progress.title}", flush=True)
        self.last = progress

    def close(self) -> None:
        """Fill the bar of the last node, since it is done."""
        if self.live and self.last:
            self._draw(self.last, 1)
            print()

    @staticmethod
    def _draw(progress: Progress, part: float) -> None:
        done = round(BAR * part)
        steps = f"{progress.value}/{progress.maximum}" if progress.maximum else ""
        sys.stdout.write(f"\r\033[K  {progress.title:28.28} {'#' * done}{'.' * (BAR - done)} {steps}")
        sys.stdout.flush()


def main() -> int:
    """Run the demo.

    Returns:
        The exit status.
    """
    start = time.perf_counter()
    prompt = small(json.loads(WORKFLOW.read_text("utf-8")), **SIZE)
    display = Display()
    try:
        with ComfyServer() as server:
            print(f"ComfyUI is up after {time.perf_counter() - start:.1f} s", flush=True)
            entry = server.run(prompt, timeout=300, on_progress=display)
            display.close()
            files = server.outputs(entry)
    except (HostDiedError, SetupError, PromptFailedError, PromptRefusedError, TimeoutError) as error:
        print(f"\nerror: {error}" if display.live else f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; ComfyUI is stopped.", file=sys.stderr)
        return 130
    for path in files:
        if path.suffix in (".mp4", ".png"):
            print(f"{'clip' if path.suffix == '.mp4' else 'contact sheet'}: {path}")
    print(f"done in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
