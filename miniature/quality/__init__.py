"""What the trained miniature can do, measured in a real ComfyUI through this pack's nodes.

A case asks through the nodes in the studio, judges say what to look for in the film that comes, gates hold what is
aimed at, and tables, limits and contact sheets come out.
It imports the rooms `world` and `networks`, training/ and vace_core; nothing imports it but the harness.
"""
