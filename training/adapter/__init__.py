"""``python dev.py train-adapter``: an adapter for a base from its file, from a folder of clips.

`command` reads the options and the base, reckons memory, has clips read and encoded with their captions, and trains.
What it takes and says is in TRAINING.md; a closed vocabulary in the place of a text encoder is handed in from outside.
It imports the files of training/ beside it, vace_core and the host layer; nothing imports it but the harness.
"""
