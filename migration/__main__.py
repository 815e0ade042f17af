"""``python <pack>/migration in.json out.json``: the folder as a program, also where the pack is no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from migration.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
