"""Where the trained weights are, and where results go."""

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
WEIGHTS = _FOLDER / "weights"
RESULTS = _FOLDER.parent / "benchmarks" / "results"
