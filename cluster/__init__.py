"""A workflow and a table of shots in, every video out, on whatever machines there are: `python cluster run`.

`command.py` reads the files into a `batch`, which is planned, divided and remembered there without Ray. `driver.py`
gives its jobs to workers (`pool.py`, `worker.py`), which are Ray actors with a ComfyUI of their own (`comfy.py`,
`client.py`); Ray places, starts and restarts them. `results.py` brings files there and back, `live.py` and `report.py`
show it all.
It imports nothing of this pack, and no node imports it.
"""
