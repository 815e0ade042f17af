"""Batches on Ray, tried: workflows and tables of the miniature, a recorded stub of ComfyUI, and what is measured."""
