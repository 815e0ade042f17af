"""ComfyUI entry point: hands the host the nodes and the help pages, and does nothing else."""

from .nodes import comfy_entrypoint

WEB_DIRECTORY = "web"

__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
