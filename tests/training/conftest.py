"""The training of adapters with the host as it must be for it, and a base and a VAE that are small."""

import importlib

import pytest
import torch
from torch import nn

LAYERS = 4


@pytest.fixture(scope="module")
def command(host, gradients):
    """The module, with the host as it must be for training."""
    import comfy.model_management

    was, comfy.model_management.in_training = comfy.model_management.in_training, True
    yield importlib.import_module("wan_vace.training.adapter.command")
    comfy.model_management.in_training = was


@pytest.fixture(scope="module")
def train(command):
    """The training, where the miniature's words are known."""
    from wan_vace.miniature.world.vocabulary import VOCABULARY

    return lambda options, tell: command.train_adapter(options, tell, [VOCABULARY])


@pytest.fixture(scope="module")
def part(command):
    """Another module of the training."""
    return lambda name: importlib.import_module(f"wan_vace.training.adapter.{name}")


@pytest.fixture(scope="module")
def files(command, tmp_path_factory):
    """A base and a VAE of the miniature's kind, fewer layers and random weights."""
    from wan_vace.miniature.networks import models
    from wan_vace.training.networks import save_weights

    torch.manual_seed(5)
    folder, base = tmp_path_factory.mktemp("models"), models.new_dit(num_layers=LAYERS)
    nn.init.normal_(base.head.head.weight, std=0.05)  # else nothing reaches the output
    paths = {"base": folder / "base.safetensors", "vae": folder / "vae.safetensors"}
    save_weights(base.state_dict(), paths["base"], models.CONFIG)
    save_weights(models.new_vae().state_dict(), paths["vae"])
    return paths
