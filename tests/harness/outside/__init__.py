"""Other people's tools on this pack: comfy-cli and comfy-draftsman, in an environment of their own.

Once that is there, no network is needed.
"""
