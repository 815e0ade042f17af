"""Prompts made by chance, against a live server: what nobody thought of, found by machine, and shrunk to what matters.

`described` reads /object_info, `values` and `graphs` make prompts of it, `outcomes` judges what the host answers,
`session` asks for one prompt after another and remembers, `shrink` makes a failing prompt small, `report` counts.
"""
