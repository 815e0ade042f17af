"""The training of VACE adapters for Wan text-to-video models, and what every training here shares.

Clips become VCUs by the pack's own builders (`tasks`), a run moves weights step by step (`trainer`, `muon`) towards the
velocity of `flow_matching`, and files in the real layouts come out (`networks`); `adapter/` is the command for a base.
It imports vace_core, annotators and nodes/_host, and nothing of the miniature, which is trained by it.

It is no part of the release: it is started by ``dev.py``, whose harness is not released either.
"""
