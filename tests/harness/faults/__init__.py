"""Faults of machines, tried with real processes: killed, a full disk, files that vanish, clocks, interrupts, flags.

`child` runs work in a process of its own and kills it, `folders` are the host's for a try, `writers` is every node that
writes a file, and what else of the pack does. `kills`, `disks`, `cuts`, `sharing` and `servers` are the faults, `flags`
are the host's options, `table` says what came of them.
"""
