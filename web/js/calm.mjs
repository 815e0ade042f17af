// Fields that do not matter as the others stand are hidden. They keep their values, in the graph, in files and in prompts.

const PATH = /(?:[^,\n;]*,){4}/; // a line with more than one box
const expands = given => given.is("augment", mode => /_expand$/.test(mode));
const grows = given => ["grow", "feather"].some(name => given.is(name, Boolean));
const moves = name => given => given.is(name, text => PATH.test(text));
const masked = name => given => given.wired(name);
const guided = given => given.is("settings", name => !/LoRA/.test(name)) && given.is("settings.cfg", cfg => cfg !== 1);
const twoExperts = given => given.wired("low_noise_model");
const sampler = { negative_prompt: guided, boundary: twoExperts };

/** For each node, and each of its fields that may not matter, whether it does. */
const MATTERS = {
  VaceInpaintVideo: {
    keep_amount: given => !given.wired("control"),
    unit: grows,
    augment_seed: expands,
    easing: moves("boxes"),
    soft_mask: masked("mask"),
  },
  VaceOutpaintVideo: { extend_references: given => given.wired("references") },
  VaceBuildVcu: {
    inside_mask: masked("control_masks"),
    soft_mask: masked("control_masks"),
    fit: given => given.wired("control_video"),
  },
  VaceBuildLongVcu: { inside_mask: masked("mask"), soft_mask: masked("mask") },
  VaceAugmentMask: Object.fromEntries(
    ["ratio", "augment_seed", "iterations"].map(name => [name, given => given.is("mode", mode => /_expand$/.test(mode))]),
  ),
  VaceGrowMask: { unit: grows },
  VaceDrawBoxMask: { easing: moves("boxes") },
  VaceDrawLayout: { easing: moves("boxes"), official_motion: moves("boxes") },
  VaceMakeAnything: { "combination.easing": moves("combination.boxes") },
  VaceFitVideo: Object.fromEntries(["width", "height"].map(name => [name, given => given.is("budget", one => one === "custom")])),
  VaceCropVcu: { megapixels: given => given.is("scale", one => one === "custom") },
  VacePasteBack: { feather_side: given => given.is("feather", Boolean) },
  VacePrepareReference: { margin: given => given.is("role", role => role !== "background") },
  VaceSetContextWindows: { closed_loop: given => given.is("schedule", one => /loop/.test(one)) },
  VaceSetStrength: {
    steps: given => !given.wired("steps_curve") || given.is("steps", text => text.trim() !== "1"),
    frames: given => !given.wired("frames_curve") || given.is("frames", text => text.trim() !== "1"),
  },
  VaceDrawPose: { pose_json: given => !given.wired("pose_keypoints") },
  VaceSampleVcu: sampler,
  VaceSampleContext: { boundary: twoExperts },
  VaceSampleLongVideo: sampler,
};

/** What a node was given. */
class Given {
  constructor(node) {
    this.node = node;
  }

  /** Whether something is connected to an input, or to one of a group that grows. */
  wired = name => (this.node.inputs ?? []).some(input => input.link != null && (input.name === name || input.name.startsWith(`${name}.`)));

  /** Whether a field may be so: what comes through a wire may be anything, and what is not there stands in nobody's way. */
  is(name, test) {
    const widget = this.node.widgets?.find(one => one.name === name);
    return !widget || this.wired(name) || Boolean(test(widget.value));
  }
}

/** Keep the fields of a node calm from now on. */
export function calm(node) {
  const rules = MATTERS[node.comfyClass];
  if (!rules) return;
  const known = new WeakSet(); // a dynamic combo makes fields anew
  const settle = mayShrink => {
    for (const widget of node.widgets ?? []) if (!known.has(widget)) known.add(widget), chain(widget, "callback", () => settle(true));
    arrange(node, rules, mayShrink);
  };
  chain(node, "onConnectionsChange", () => settle(true));
  for (const name of ["onConfigure", "onAdded"]) chain(node, name, () => settle(false)); // it has the size it was left with
  settle(true);
}

function arrange(node, rules, mayShrink) {
  const given = new Given(node), before = node.computeSize()[1];
  let changed = false;
  for (const [name, matters] of Object.entries(rules)) {
    const widget = node.widgets?.find(one => one.name === name);
    // What is wired is shown: the host copies a field's look when it goes out of a subgraph.
    if (widget) changed = hide(widget, !matters(given) && !given.wired(name)) || changed;
  }
  if (!changed) return;
  const after = node.computeSize()[1], [width, height] = node.size;
  const wanted = Math.max(after, after < before && mayShrink ? height - (before - after) : height);
  if (wanted !== height) node.setSize([width, wanted]);
  node.graph?.setDirtyCanvas?.(true, true);
}

/** Classic nodes look at the field, Nodes 2.0 at its options, or at those it had before an undo. Gives whether it changed. */
function hide(widget, hidden) {
  const changed = Boolean(widget.hidden) !== hidden;
  widget.hidden = hidden;
  for (const options of [widget.options, widget._state?.options]) if (options) options.hidden = hidden;
  return changed;
}

/** Do something more after a callback that others may use too. */
export function chain(owner, name, more) {
  const before = owner[name];
  owner[name] = function (...given) {
    const result = before?.apply(this, given);
    more();
    return result;
  };
}
