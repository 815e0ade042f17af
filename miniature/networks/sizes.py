"""How large the miniature's pictures and networks are."""

from dataclasses import dataclass

from ..world import SIZE

HEAD = 128  # channels of a head, as the host's detection takes them


@dataclass(frozen=True)
class Sizes:
    """One miniature's sizes.

    Attributes:
        pixels: Height and width of its clips.
        vae_dim: The VAE's narrowest channels.
        dim: Channels of the transformers, a multiple of `HEAD`.
        ffn_dim: Of their feed-forward layers.
        layers: The base's blocks.
        vace_layers: The adapter's, spread over the base's.
    """

    pixels: int = SIZE
    vae_dim: int = 8
    dim: int = 128
    ffn_dim: int = 512
    layers: int = 10
    vace_layers: int = 5

    @property
    def transformer(self) -> dict[str, int]:
        """What the host's classes call them."""
        return {
            "dim": self.dim,
            "ffn_dim": self.ffn_dim,
            "num_heads": self.dim // HEAD,
            "num_layers": self.layers,
        }

    def spread_layers(self) -> tuple[int, ...]:
        """The base's blocks that the adapter copies: the official choice, evenly over the depth."""
        return tuple(range(0, self.layers, self.layers // self.vace_layers))[: self.vace_layers]


SMALL = Sizes()
LARGE = Sizes(pixels=128, vae_dim=12, dim=256, ffn_dim=384, layers=8, vace_layers=4)  # 23.7 MB in half precision
