"""The miniature's quality, measured in a real ComfyUI in this process."""

from __future__ import annotations

import sys

from ..host import locations
from ..host.inprocess import load_host


def main() -> int:
    """Measure.

    Returns:
        The exit status: 1 if a gate is not passed.
    """
    quality = locations.pack_module("miniature.quality.command")
    options = quality.read_options(sys.argv[1:])
    import torch

    with torch.inference_mode():
        call = load_host()
        from ..nodes.wan_vace_dev.miniature import load_clip

        return quality.measure_quality(options, call, load_clip(), lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
