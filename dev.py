"""Developer commands: ``python dev.py`` lists them. Needs only Python 3.10, and a network the first time."""

import sys
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036  (an older Python gets a sentence, not a SyntaxError)
    sys.exit(f"error: Python 3.10 or newer is needed, this is {sys.version_info[0]}.{sys.version_info[1]}.")

sys.path.insert(0, str(Path(__file__).resolve().parent / "tests"))

from harness.verbs import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
