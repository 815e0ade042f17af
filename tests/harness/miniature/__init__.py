"""The miniature in ComfyUI: its clips, its workflows, the demo, its measurements and its training."""
