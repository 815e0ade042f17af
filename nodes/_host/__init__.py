"""The only package that imports ComfyUI internals, in the concept folders of the core, and `models` and `files`.

Values of the host (MODEL, VAE, CONDITIONING, LATENT, VIDEO) come in, the core and the annotators do the work on
tensors, and values of the host go back. It imports ComfyUI, the core and the annotators, and nothing of the nodes.
"""
