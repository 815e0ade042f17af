"""Graphs of ComfyUI's own WanVaceToVideo turned into graphs of this pack, from the command line.

A file comes in through `command.py`, is read as one of two formats (`prompt_format.py`: API, `graph_format.py`: the
browser's), is changed by `conversion.py`, which knows neither format, and goes out again. It needs nothing but Python
3.10: it imports nothing of this pack, no torch and no ComfyUI, so it runs wherever the files are.
"""
