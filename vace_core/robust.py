"""What does not count when a change is fitted to measurements, most of which tell of it."""

from torch import Tensor

TUKEY = 4.685  # standard deviations; 95 % efficient on normal errors


def tukey_weight(residual: Tensor, deviation: Tensor | float) -> Tensor:
    """How much each measurement counts, by Tukey's biweight.

    Source: Holland and Welsch, Robust regression using iteratively reweighted least squares, 1977.

    Args:
        residual: What a fit leaves unexplained, of any shape.
        deviation: The standard deviation of normal errors, above 0.

    Returns:
        The residuals' shape, in [0, 1]: 1 for what is explained, 0 beyond `TUKEY` deviations.
    """
    return (1 - (residual / (TUKEY * deviation)).square()).clamp(min=0).square()
