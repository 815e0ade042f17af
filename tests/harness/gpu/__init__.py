"""The acceptance of the pack on an accelerator: what is run, how it is measured, and the report of it."""
