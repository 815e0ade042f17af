"""A ComfyUI of our own for development: installed, filled with small models, started, asked, stopped.

``verbs``, most of ``host`` and the drawing in ``structure`` need the standard library only, since they run before
anything is installed; the rest runs in the host's Python.

Installing and starting is written here and not left to uv, nox or comfy-cli: a bare clone with Python alone must do,
each ComfyUI version comes whole and by its hash from the package index (comfy-cli clones one from GitHub), a second
run must be ready in a moment, and a server is ended with its children and no other.
"""
