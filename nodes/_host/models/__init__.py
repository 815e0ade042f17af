"""The host's MODEL: what kind it is, and what tells it from another.

A MODEL goes in; a refusal or a hash comes out.
It imports the host, `adapter`, `strength` and the core's errors.
"""

from .identity import model_identity
from .kinds import SAMPLERS, SCHEDULERS, model_files, require_same_width, require_vace_model

__all__ = [
    "SAMPLERS",
    "SCHEDULERS",
    "model_files",
    "model_identity",
    "require_same_width",
    "require_vace_model",
]
