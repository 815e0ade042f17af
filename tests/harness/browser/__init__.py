"""A real browser on a real ComfyUI: nodes placed, workflows drawn."""
