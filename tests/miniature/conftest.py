"""What the tests of the training share."""

import pytest
import torch


@pytest.fixture(scope="module")
def gradients():
    """Gradients are computed, whatever tests before switched off for the whole process."""
    with torch.inference_mode(False), torch.enable_grad():
        yield
