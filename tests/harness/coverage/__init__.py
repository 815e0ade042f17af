"""Which lines and branches of the pack's own work the tests go through, and why they do not go through the others."""
