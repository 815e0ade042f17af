"""Files as they are published, small: true names, types and text of each kind, at the width of the small checkpoints.

`kinds` lists them with their sources; what each file means is worked out beside it, apart from what reads it.
"""
