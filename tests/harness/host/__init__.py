"""ComfyUI for our own programs: where it lies, how it is installed, filled, started, asked and stopped."""
