"""What becomes of a VACE graph of WanVideoWrapper: loaders, prompts, VCUs and sampler of ComfyUI and of this pack."""

from __future__ import annotations

from .conversion import Graph, Report
from .shapes import APPLY, BUILD, ENCODE, REFERENCE
from .wrapper_inputs import DECODE, INPUTS, LOADER, SAMPLER, NotConvertedError
from .wrapper_plan import Plan, keyframes_of, read_plan

FRAMES = {"input_frames": "control_video", "input_masks": "control_masks"}
DTYPES = {"fp8_e4m3fn": "fp8_e4m3fn", "fp8_e4m3fn_fast": "fp8_e4m3fn_fast", "fp8_e5m2": "fp8_e5m2"}
SOLVERS = {"unipc": ("official unipc", "official")}
BY_NAME = ("euler", "lcm", "res_multistep", "deis")
OWN = ("WanVideo", "LoadWanVideo")
HOST_ENCODER = "umt5_xxl_fp8_e4m3fn_scaled.safetensors"

RESIZED = "Frames are resized to the same size by the official filter instead of Lanczos."
SIDE_BY_SIDE = "Several ref_images are a reference each; WanVideoWrapper put them side by side on one picture."
ENCODER = (
    f"The text encoder is {HOST_ENCODER}, in models/text_encoders: files made for WanVideoWrapper have names that "
    f"ComfyUI does not read."
)
VAE_FILE = "If ComfyUI refuses the VAE's file, choose wan_2.1_vae.safetensors in Load VAE."
GREY = "Empty frames are mid-grey, as the model was trained; empty_frame_level is not used."


def convert_wrapper(graph: Graph, report: Report) -> None:
    """Convert every VACE graph of WanVideoWrapper.

    Args:
        graph: Changed in place.
        report: Told what was done.
    """
    used = []
    for decode in graph.find(DECODE):
        try:
            plan = read_plan(graph, decode)
        except NotConvertedError as reason:
            report.left.append(f"Node {decode} ({DECODE}) and what leads to it stay as they are: {reason}")
            continue
        if plan is not None:
            _build(graph, plan, report)
            used += plan.used
    _clear(graph, used)


def _clear(graph: Graph, used: list[object]) -> None:
    """Take away what was converted, and what of the wrapper was in front of that alone."""
    left = dict.fromkeys(used)
    while ready := [node for node in left if not graph.readers(node)]:
        for node in ready:
            behind = [graph.id_of(value) for value in graph.inputs(node).values() if graph.is_wire(value)]
            graph.remove(node)
            del left[node]
            kinds = graph.kinds()
            left |= dict.fromkeys(one for one in behind if kinds.get(one, "").startswith(OWN))


def _build(graph: Graph, plan: Plan, report: Report) -> None:
    vae = graph.add("VAELoader", {"vae_name": plan.vae[0]}, plan.vae[1])
    model = _model(graph, plan, report)
    positive, negative = _prompts(graph, plan)
    latent = None
    for place, (node, given) in enumerate(plan.units, 1):
        vcu = _vcu(graph, node, given, report)
        context = graph.add(ENCODE, {"vae": vae, "vcu": vcu, **_soft(graph, given)}, node)
        kept = {"positive": positive, "negative": negative, "context": context, "strength": given["strength"]}
        positive = graph.add(APPLY, kept, node)
        negative, latent = graph.output(positive, 1), graph.output(positive, 2)
        model = _limited(graph, model, given, place if len(plan.units) > 1 else 0, node)
    inputs = {"latent": latent, "model": model, "positive": positive, "negative": negative, **_settings(plan, report)}
    samples = graph.add("VaceSampleContext", inputs, plan.sampler)
    graph.change(plan.decode, "VaceDecodeLatent", {"samples": samples, "vae": vae}, {})
    for kind, given in ((SAMPLER, plan.solver), (LOADER, plan.loader[1])):
        for name in INPUTS[kind].told:
            if graph.is_wire(given.get(name)):
                report.tell_difference(f"{name} of {kind} is left out.")
    for sentence in (RESIZED, ENCODER, VAE_FILE):
        report.tell_difference(sentence)
    report.done.append(
        f"Node {plan.decode} is now VACE Decode Latent; {graph.id_of(samples)} is its VACE Sample Context, with "
        f"{len(plan.units)} VCU{'s' * (len(plan.units) > 1)}, and ComfyUI's own loaders in front."
    )


def _model(graph: Graph, plan: Plan, report: Report) -> object:
    near, given = plan.loader
    quantization, attention = given.get("quantization", "disabled"), given.get("attention_mode", "sdpa")
    dtype = DTYPES.get(str(quantization), "default")
    if quantization not in (*DTYPES, "disabled"):
        report.tell_difference(f"quantization {quantization} is left to the file, whose weights are taken as they are.")
    if attention != "sdpa":
        report.tell_difference(f"attention_mode {attention} is left out: an option of ComfyUI's start, for all models.")
    model = graph.add("UNETLoader", {"unet_name": given["model"], "weight_dtype": dtype}, near)
    if plan.module:
        adapter = graph.add("VaceLoadAdapter", {"adapter_name": plan.module}, near)
        model = graph.add("VaceApplyAdapter", {"model": model, "adapter": adapter}, near)
    for name, strength in plan.loras:
        model = graph.add("VaceLoadLora", {"model": model, "lora_name": name, "strength": strength}, near)
    return model


def _prompts(graph: Graph, plan: Plan) -> tuple[object, object]:
    node = graph.id_of(plan.solver["text_embeds"])
    clip = graph.add("CLIPLoader", {"clip_name": HOST_ENCODER, "type": "wan"}, node)
    texts = (plan.text.get(name, "") for name in ("positive_prompt", "negative_prompt"))
    positive, negative = (graph.add("CLIPTextEncode", {"text": text, "clip": clip}, node) for text in texts)
    return positive, negative


def _vcu(graph: Graph, node: object, given: dict[str, object], report: Report) -> object:
    sizes = {"width": given["width"], "height": given["height"], "length": given["num_frames"], "fit": "stretch"}
    reference = {REFERENCE: given["ref_images"]} if graph.is_wire(given.get("ref_images")) else {}
    if reference:
        report.tell_difference(SIDE_BY_SIDE)
    shown = keyframes_of(graph, given)
    if shown is not None:
        return _placed(graph, node, shown, {**sizes, **reference}, report)
    frames = {new: given[old] for old, new in FRAMES.items() if graph.is_wire(given.get(old))}
    as_given = {"inside_mask": "control", "soft_mask": True} if "control_masks" in frames else {}
    return graph.add(BUILD, {**frames, **reference, **sizes, **as_given}, node)


def _placed(graph: Graph, node: object, shown: dict[str, object], common: dict[str, object], report: Report) -> object:
    pictures, positions = {}, []
    for name, index, usual in (("start_image", "start_index", 0), ("end_image", "end_index", -1)):
        if graph.is_wire(shown.get(name)):
            place = shown.get(index, usual)
            pictures[f"images.image_{len(pictures)}"] = shown[name]
            positions.append({0: "first", -1: "last"}.get(place, str(place)))
    control = {"control_video": shown["control_images"]} if graph.is_wire(shown.get("control_images")) else {}
    if shown.get("empty_frame_level", 0.5) != 0.5:
        report.tell_difference(GREY)
    return graph.add("VacePlaceKeyframes", {**pictures, **control, "positions": ", ".join(positions), **common}, node)


def _soft(graph: Graph, given: dict[str, object]) -> dict[str, object]:
    """Grey mask pixels blend, as WanVideoWrapper lets them."""
    masked = graph.is_wire(given.get("input_masks")) and keyframes_of(graph, given) is None
    return {"mask_edges": "soft"} if masked else {}


def _limited(graph: Graph, model: object, given: dict[str, object], place: int, node: object) -> object:
    """The model with the part of the steps in which a VCU acts."""
    start, end = (given[name] for name in ("vace_start_percent", "vace_end_percent"))
    if (start, end) == (0.0, 1.0):
        return model
    before = [] if start <= 0 else ["0:0", f"{start:.0%}:0", f"{start:.0%}:1"]
    after = [] if end >= 1 else [f"{end:.0%}:1", f"{end:.0%}:0"]
    steps = ", ".join([*(before or ["0:1"]), *after])
    return graph.add("VaceSetStrength", {"model": model, "steps": steps, "vcu": place}, node)


def _settings(plan: Plan, report: Report) -> dict[str, object]:
    name = str(plan.solver.get("scheduler", "unipc"))
    known, _, beta = name.partition("/")
    solver, spacing = SOLVERS.get(name) or (known if known in BY_NAME else "official unipc", beta or "simple")
    if name not in SOLVERS:
        report.tell_difference(f"The scheduler {name} has no exact counterpart; it is {solver} with {spacing}.")
    values = {"seed": plan.solver.get("seed", 0), "settings": "custom"}
    numbers = {f"settings.{key}": plan.solver[key] for key in ("steps", "cfg", "shift") if key in plan.solver}
    return {**values, **numbers, "settings.sampler": solver, "settings.scheduler": spacing}
