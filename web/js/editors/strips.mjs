// The strip of each node in time: what its inputs plan, and which of them an edge changes.
import { say } from "../texts.mjs";
import { sourceBehind } from "./source.mjs";
import { StripEditor } from "./strip.mjs";
import { bridgePlan, extendPlan, interpolatePlan, keyframePlan } from "./strip_plan.mjs";

const LENGTH = 81; // of a clip that is not known yet
const CLIP = 33;

const behind = panel => run => sourceBehind(panel.app, panel.node, run.input);

/** A handle that changes a count: `at` on the strip, and how long the clip is for a value. */
const handle = (editor, name, at, sign, { least = 0, most = 0, times = 1, value = editor.number(name) }) => ({
  at,
  name,
  sign,
  least,
  most,
  value,
  lengthAt: one => editor.plan.length + times * (one - value),
});

const extend = panel => ({
  names: ["before", "after", "overlap"],
  inputs: ["video"],
  source: behind(panel),
  plan: editor => extendPlan({ ...numbers(editor, ["before", "after", "overlap"]), count: editor.countOf("video", CLIP) }),
  handles: (editor, { length, runs: [run] }) => {
    const count = editor.countOf("video", CLIP), before = editor.number("before"), after = editor.number("after");
    const ends = [handle(editor, "before", 0, -1, {}), handle(editor, "after", length, 1, {})];
    const seen = { least: 1, most: count, value: run.stop - run.start };
    if (before && after) return ends;
    if (before) return [ends[0], handle(editor, "overlap", length, 1, seen)];
    return [handle(editor, "overlap", 0, -1, seen), ends[1]];
  },
  tools: editor => [
    editor.setter(say("forwards"), say("forwardsTip"), () => ({ after: editor.number("after") || editor.number("before") || 64, before: 0 })),
    editor.setter(say("backwards"), say("backwardsTip"), () => ({ before: editor.number("before") || editor.number("after") || 64, after: 0 })),
    editor.setter(say("both"), say("bothTip"), () => {
      const half = Math.max(Math.round((editor.number("before") + editor.number("after")) / 8) * 4, 4);
      return { before: half, after: half, overlap: 0 };
    }),
  ],
});

const numbers = (editor, names) => Object.fromEntries(names.map(name => [name, editor.number(name)]));

const bridge = (inputs, overlaps) => panel => ({
  names: ["gap", ...overlaps],
  inputs: [...new Set(inputs)],
  source: behind(panel),
  plan: editor =>
    bridgePlan({
      gap: editor.number("gap"),
      overlaps: [overlaps[0], overlaps.at(-1)].map(name => editor.number(name)),
      counts: inputs.map(input => editor.countOf(input, LENGTH)),
      inputs,
    }),
  handles: (editor, { length, runs: [head, tail] }) => {
    const times = overlaps.length > 1 ? 1 : 2;
    const seen = (input, run) => ({ least: 1, most: editor.countOf(input, 0), times, value: run.stop - run.start });
    return [
      handle(editor, overlaps[0], 0, -1, seen(inputs[0], head)),
      handle(editor, "gap", head.stop, -1, { least: 1 }),
      handle(editor, "gap", tail.start, 1, { least: 1 }),
      handle(editor, overlaps.at(-1), length, 1, seen(inputs[1], tail)),
    ];
  },
});

const interpolate = panel => {
  let made = {}; // for thousands of frames the plan is made when something changed
  return {
    names: ["between"],
    inputs: ["video"],
    source: behind(panel),
    plan: editor => {
      const given = { between: editor.number("between"), count: editor.countOf("video", CLIP), how: panel.value("snap") ?? "off" };
      const key = Object.values(given).join();
      if (made.key !== key) made = { key, plan: interpolatePlan(given) };
      return made.plan;
    },
    tools: editor =>
      [1, 3, 7].map(between =>
        editor.setter(`x${between + 1}`, say("timesTip", { times: between + 1 }), () => ({ between }), () => editor.number("between") === between),
      ),
  };
};

const keyframes = panel => {
  const pictures = editor => wired(panel).flatMap(input => Array.from({ length: editor.countOf(input, 1) }, (_, from) => ({ input, from })));
  return {
    names: ["positions", "length", "hold"],
    places: "positions",
    free: () => freePicture(panel.node),
    source: run => sourceBehind(panel.app, panel.node, run.picture ?? run.input),
    plan: editor => {
      const all = pictures(editor).slice(0, 500);
      const length = editor.number("length") || editor.countOf("control_video", LENGTH);
      const { value } = panel;
      const plan = keyframePlan({
        text: value("positions") ?? "",
        count: all.length,
        length,
        hold: editor.number("hold") || 1,
        fps: Number(value("fps")) || 16,
        how: value("snap") ?? "off",
      });
      plan.runs.forEach((run, index) => Object.assign(run, { picture: all[index]?.input, from: all[index]?.from ?? 0 }));
      if (!all.length) plan.problem ??= say("connectPicture");
      return plan;
    },
    tools: editor => [
      editor.setter(say("even"), say("evenTip"), () => ({ positions: "" }), () => !String(panel.value("positions") ?? "").trim()),
      editor.setter(say("snap"), say("snapTip"), () => ({ snap: panel.value("snap") === "hold" ? "off" : "hold" }), () => panel.value("snap") === "hold"),
    ],
  };
};

/** Inputs for pictures that have a wire, in order. */
const wired = panel => (panel.node.inputs ?? []).filter(input => /^images\./.test(input.name) && input.link != null).map(input => input.name);

/** The input for one more picture; the host adds it a moment after the last was wired. */
async function freePicture(node) {
  for (let turn = 0; turn < 60; turn++) {
    const free = node.inputs.find(input => /^images\./.test(input.name) && input.link == null);
    if (free) return free.name;
    await new Promise(requestAnimationFrame);
  }
  throw new Error(say("noRoom"));
}

const SPECS = {
  VacePlaceKeyframes: keyframes,
  VaceExtendVideo: extend,
  VaceBridgeVideos: bridge(["first", "second"], ["overlap_first", "overlap_second"]),
  VaceLoopVideo: bridge(["video", "video"], ["overlap"]),
  VaceInterpolateFrames: interpolate,
};

/** What the strip of a node is; null for nodes that have none. */
export function stripOf(node) {
  const spec = SPECS[node.comfyClass];
  return spec
    ? { title: say("showKept"), height: 220, applies: () => true, open: () => true, editor: panel => new StripEditor(panel, spec(panel)) }
    : null;
}
