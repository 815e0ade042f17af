"""A ComfyUI of our own for development: installed, filled with small models, started, asked, stopped.

``places``, ``install``, ``base``, ``processes`` and ``verbs`` need the standard library only, since they
run before anything is installed; the rest runs in the host's Python.
"""
