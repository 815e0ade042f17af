"""Libraries that some tasks and signals need and the pack does not import before it is asked for one of them."""

import importlib
from types import ModuleType

from .errors import VaceInputError

# What importing raises when a library is missing, or was built for another version of what it stands on.
BROKEN = (ImportError, OSError, AttributeError, RuntimeError, ValueError)


def need(module: str, package: str, purpose: str) -> ModuleType:
    """A module, imported now.

    Args:
        module: What to import, such as ``cv2``.
        package: What to install for it, such as ``opencv-python-headless``.
        purpose: What needs it, at the start of a sentence.

    Raises:
        VaceInputError: If it is not installed, or does not load.
    """
    try:
        return importlib.import_module(module)
    except BROKEN as error:
        raise VaceInputError(
            f"{purpose} needs {package}, which this ComfyUI's Python cannot import ({error}). "
            f"Install it with: python -m pip install {package}"
        ) from error


def opencv(purpose: str) -> ModuleType:
    """OpenCV, whichever of its four packages is installed."""
    return need("cv2", "opencv-python-headless", purpose)
