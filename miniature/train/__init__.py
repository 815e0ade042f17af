"""The training of the miniature, stage by stage, and what becomes of it.

Clips of the world and their VCUs are encoded once (`data`, `tasks`), the VAE, the base and the adapter learn from them
in the `stages` of one training, and the weights are shipped with their record, their curves and a comparison.
It imports the rooms `world` and `networks`, training/ and vace_core; nothing imports it but the harness.
"""
