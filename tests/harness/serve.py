"""ComfyUI with the pack in the browser, until Ctrl+C."""

from __future__ import annotations

import argparse
import contextlib
import sys
import webbrowser

from .client import HostDiedError
from .places import SetupError
from .server import ComfyServer


def main() -> int:
    """Serve until interrupted.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="dev.py serve")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="a fixed port instead of a free one")
    options = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt), ComfyServer(port=options.port) as server:
            print(f"{server.url}  (Ctrl+C stops it; log: {server.log})", flush=True)
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
