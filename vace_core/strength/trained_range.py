"""A strength that is far from what the model was trained with.

Source: the context scale of the official code is 1 in training and by default; its demo offers 0 to 2, and its authors
say that they tested 1 alone (ali-vilab/VACE#27).
"""

from collections.abc import Sequence

from ..notes import tell

FAR = "strength-far-from-trained"  # code
LEAST, MOST = 0.3, 2.0


def note_strengths(strengths: Sequence[float], unless: str = "") -> None:
    """Tell of strengths far from 1; 0 is not one of them, it switches a VCU off.

    Args:
        strengths: Of each VCU.
        unless: When it does no harm, if that is not known here.
    """
    far = {number: each for number, each in enumerate(strengths, 1) if each and not LEAST <= each <= MOST}
    if not far:
        return
    each_of_many = len(strengths) > 1
    named = ", ".join(f"{each:g} for VCU {number}" if each_of_many else f"{each:g}" for number, each in far.items())
    tell(
        FAR,
        f"strength is {named}, far from the 1 that the model was trained with; set it between {LEAST:g} and {MOST:g}"
        f"{', ' * bool(unless)}{unless}.",
    )
