"""``python <pack>/cluster run ...``: the folder as a program, also where the pack is no package."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Ray reads these as it is imported. One that is started for this batch alone listens on loopback, with a token that it
# makes itself; a cluster is joined with the token of ~/.ray/auth_token, which `ray get-auth-token --generate` makes.
if any(word.startswith("--address") for word in sys.argv):
    os.environ.setdefault("RAY_AUTH_MODE", "token")
else:
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

try:
    from cluster.command import run_command
except ModuleNotFoundError as missing:
    if missing.name not in ("ray", "pyarrow", "rich", "aiohttp", "av", "PIL"):
        raise
    sys.exit(f"error: {missing.name} is missing. Batches need: pip install ray pyarrow rich aiohttp av pillow")

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl+C does, in order
    sys.exit(run_command(sys.argv[1:]))
