"""The steps from a VCU to its frames, in their order, whoever takes them.

VACE Sample VCU puts them into a graph, so that the host runs and caches each by itself (`graph`). VACE Sample Long
Video takes them at once, for one segment after the other (`direct`).
"""

from typing import Protocol, TypeVar

Prompt = TypeVar("Prompt")
Context = TypeVar("Context")
Latent = TypeVar("Latent")
Sampled = TypeVar("Sampled")
Frames = TypeVar("Frames")

# How a VCU is encoded where no node asks for anything else: as the weights were trained.
OFFICIAL_ENCODING = {"mask_edges": "official", "antialias_references": False}


class VcuSteps(Protocol[Prompt, Context, Latent, Sampled, Frames]):
    """Who takes the steps; what one gives is handed to the next: a value, or a link to one that is to come."""

    def encode_prompt(self, text: str) -> Prompt:
        """A text as conditioning."""

    def encode_vcu(self) -> Context:
        """The VCU as the context that the adapter reads."""

    def apply_context(self, positive: Prompt, negative: Prompt, context: Context) -> tuple[Prompt, Prompt, Latent]:
        """Both prompts with the context, and the latent to sample."""

    def sample(self, positive: Prompt, negative: Prompt, latent: Latent) -> Sampled:
        """What is sampled, references included."""

    def decode(self, sampled: Sampled) -> Frames:
        """The frames, without references and as many as the VCU has."""


def sample_vcu(
    steps: VcuSteps[Prompt, Context, Latent, Sampled, Frames], prompt: str, negative_prompt: str
) -> tuple[Sampled, Frames]:
    """From a VCU and two texts to what is sampled and its frames.

    What the VCU keeps is pasted back behind this: a long video corrects colours in between.
    """
    positive, negative = (steps.encode_prompt(text) for text in (prompt, negative_prompt))
    context = steps.encode_vcu()
    positive, negative, latent = steps.apply_context(positive, negative, context)
    sampled = steps.sample(positive, negative, latent)
    return sampled, steps.decode(sampled)
