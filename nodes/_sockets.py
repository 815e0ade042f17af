"""The pack's own wire types."""

from comfy_api.latest import io

Vcu = io.Custom("VACE_VCU")
Context = io.Custom("VACE_CONTEXT")
