"""``python dev.py train-adapter``: a VACE adapter for a Wan base, from a folder of clips."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import comfy.model_management
import torch
from torch import nn

from ...vace_core.errors import VaceInputError
from ...vace_core.video import latent_length
from .. import flow_matching
from ..trainer import Tell, TrainingRun, chosen_parameters
from ..vocabulary import Vocabulary
from . import base as bases
from . import memory
from .examples import EXAMPLES, ExampleSet, prepare_examples
from .options import Options, parse_options

REAL_SIZE = (832, 480, 81)  # width, height and frames where none are given
TEXT_TOKENS = 512  # of umT5, as the host fills it up


def train_adapter_by_command(arguments: Sequence[str], vocabularies: Sequence[Vocabulary] = ()) -> int:
    """Run the command.

    Args:
        arguments: Of the command line.
        vocabularies: See `train_adapter`.

    Returns:
        The exit status.
    """
    try:
        train_adapter(parse_options(arguments), vocabularies=vocabularies)
    except VaceInputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except torch.cuda.OutOfMemoryError:
        sys.stderr.write("error: The GPU's memory is full. Choose a smaller --size, --length or --batch.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Run it again to continue.\n")
        return 130
    return 0


def train_adapter(options: Options, tell: Tell = print, vocabularies: Sequence[Vocabulary] = ()) -> Path:
    """Train an adapter, or go on with it.

    Args:
        options: What and how.
        tell: See `Tell`.
        vocabularies: Of bases that need no text encoder.

    Returns:
        The adapter's file.

    Raises:
        VaceInputError: If an input cannot be used or memory is short; the message says what to do.
    """
    base = bases.describe_base(options.base, vocabularies)
    options = _completed(options, base)
    layers = bases.choose_layers(base, options.layers)
    bases.require_out(options.out, layers, base.config["num_layers"])
    device = comfy.model_management.get_torch_device()
    recompute = plan_memory(options, base, len(layers), device, tell)
    _require_same(options)
    examples, texts = prepare_examples(options, base, tell)
    model = bases.new_adapter(base, layers, device)
    if recompute:
        bases.recompute_blocks(model)
    new_training_run(options, model, ExampleSet(options.state, examples, texts), tell).run()
    tell(f"The adapter is {bases.save_adapter(model, options.out, layers)}")
    return options.out


def _completed(options: Options, base: bases.Base) -> Options:
    """With sizes that were not given, after a check of numbers that cannot be."""
    width, height, length = base.vocabulary.size if base.vocabulary else REAL_SIZE
    options = replace(
        options, width=options.width or width, height=options.height or height, length=options.length or length
    )
    latent_length(options.length)  # refuses what is not 4n + 1
    for name in ("steps", "batch", "variants", "rate", "save_every"):
        if getattr(options, name) <= 0:
            raise VaceInputError(f"--{name.replace('_', '-')} must be above 0, it is {getattr(options, name)}.")
    if not base.vocabulary and options.text_encoder is None:
        raise VaceInputError(
            "--text-encoder is missing: the base reads text, and even no caption is text. Give it umt5_xxl_fp16."
        )
    return options


def compute_type(device: torch.device) -> torch.dtype:
    """What activations are computed in; bf16 needs no scaling of gradients, so float16 is not used."""
    return torch.bfloat16 if comfy.model_management.should_use_bf16(device) else torch.float32


def free_memory(device: torch.device) -> int:
    """Bytes that are free where the training runs."""
    return int(comfy.model_management.get_free_memory(device))


def plan_memory(options: Options, base: bases.Base, num_layers: int, device: torch.device, tell: Tell) -> bool:
    """Whether blocks are to be computed twice to save memory; tells the table.

    Raises:
        VaceInputError: If even that is not enough, unless it is to start anyway.
    """
    load = memory.TrainingLoad(
        base.config["dim"],
        base.config["ffn_dim"],
        base.config["num_layers"],
        num_layers,
        base.num_bytes,
        memory.count_tokens(options.width, options.height, options.length, options.batch),
        options.batch * (base.vocabulary.num_tokens if base.vocabulary else TEXT_TOKENS),
        compute_type(device).itemsize,
    )
    free = free_memory(device)
    rows = memory.estimate_memory(load, recompute=False)
    recompute = sum(rows.values()) > free
    if recompute:
        rows = memory.estimate_memory(load, recompute=True)
    room = f"{free / memory.GIB:.2f} GiB are free ({device})"
    tell(f"Memory for the training{', blocks computed twice' * recompute}:\n{memory.memory_table(rows)}\n  {room}")
    if sum(rows.values()) > free and not options.anyway:
        raise VaceInputError(
            f"The training needs about {sum(rows.values()) / memory.GIB:.1f} GiB, {room}. "
            f"{memory.memory_advice(rows, options.batch)} To start all the same, add --anyway."
        )
    return recompute


def _require_same(options: Options) -> None:
    """Keep the settings with the state; refuse others than those it was begun with."""
    ignored = ("out", "save_every", "anyway")
    settings = {key: str(value) for key, value in asdict(options).items() if key not in ignored}
    settings |= {key: Path(settings[key]).name for key in ("base", "vae", "clips", "text_encoder")}
    file = options.state / "settings.json"
    if file.exists() and any((options.state / EXAMPLES).glob("*.pt")):  # before that nothing depends on them
        begun = json.loads(file.read_text("utf-8"))
        other = [f"{key.replace('_', '-')} was {begun.get(key)}" for key in settings if begun.get(key) != settings[key]]
        if other:
            raise VaceInputError(
                f"{options.state} holds a training with other settings: {', '.join(other)}. "
                f"Give those, or another --out, or remove that folder to begin anew."
            )
        return
    if options.out.exists():
        raise VaceInputError(f"{options.out} is there already. Choose another --out, or remove it.")
    options.state.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings, indent=1), "utf-8")


def new_training_run(options: Options, model: nn.Module, examples: ExampleSet, tell: Tell) -> TrainingRun:
    """The run, which goes on where an earlier one was interrupted.

    Args:
        options: How.
        model: As of `bases.new_adapter`.
        examples: What it learns from.
        tell: Receives progress.
    """
    trained = chosen_parameters(model, ["vace_"])
    device = trained[0].device
    compute = compute_type(device)

    def loss(step: int, _: float, generator: torch.Generator) -> torch.Tensor:
        clean, context, text = examples.draw_batch(options.batch, generator, flow_matching.NO_CAPTION)
        part, noise = flow_matching.draw_noise(clean, generator)
        velocity = flow_matching.velocity_of(model, text.to(device, compute), context.to(device, compute))
        found = flow_matching.velocity_loss(
            lambda latents, time: velocity(latents.to(compute), time).float(),
            clean.to(device),
            part.to(device),
            noise.to(device),
        ).mean()
        if not found.isfinite():
            raise VaceInputError(
                f"The loss is no number at step {step}. Choose a smaller --rate, and another --out for it."
            )
        return found

    return TrainingRun(
        "adapter",
        options.state,
        model,
        trained,
        loss,
        options.steps,
        options.rate,
        options.seed,
        check_every=options.save_every,
        tell=tell,
    )
