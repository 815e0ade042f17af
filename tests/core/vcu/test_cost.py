"""Cost of a step, against operations counted on the host's own modules."""

import pytest

from wan_vace.vace_core.vcu.cost import ARCHITECTURES, adapter_flops, base_flops, context_bytes

# torch.utils.flop_counter.FlopCounterMode on VaceWanModel of ComfyUI 0.30.0, meta tensors, one forward pass of batch 1;
# model, tokens, TFLOP of the base, TFLOP of the adapter.
COUNTED = [
    ("1.3B", 32760, 283.0, 144.0),
    ("1.3B", 34320, 306.3, 155.8),
    ("1.3B", 75600, 1249.8, 630.7),
    ("1.3B", 79200, 1361.9, 687.0),
    ("14B", 32760, 1678.3, 351.2),
    ("14B", 34320, 1802.0, 376.7),
    ("14B", 75600, 6523.3, 1340.6),
    ("14B", 79200, 7067.4, 1451.2),
]


@pytest.mark.parametrize(("name", "tokens", "base", "adapter"), COUNTED)
def test_operations_are_those_counted(name, tokens, base, adapter):
    model = ARCHITECTURES[name]
    assert base_flops(tokens, model) / 1e12 == pytest.approx(base, rel=1e-3)
    assert adapter_flops(tokens, model) / 1e12 == pytest.approx(adapter, rel=2e-3)


def test_context_memory_is_96_float_channels_on_the_latent_grid():
    assert context_bytes(21, 480, 832) == 21 * 60 * 104 * 96 * 4
