"""The only package that imports ComfyUI internals. Each function is one fact of the host, with a name."""
