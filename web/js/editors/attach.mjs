// Which node has which editor, and what of it is edited.
import { say } from "../texts.mjs";
import { chain } from "../calm.mjs";
import { BoxEditor } from "./boxes.mjs";
import { CurveEditor } from "./curve.mjs";
import { OutpaintEditor } from "./outpaint.mjs";
import { Panel, WIDGET } from "./panel.mjs";
import { stripOf } from "./strips.mjs";
import { sourceAhead, sourceBehind } from "./source.mjs";

const FRAMES = 81; // where nothing tells a length
const SIZE = { width: 832, height: 480 };
const snap = pixels => Math.max(Math.round(pixels / 16), 1) * 16;
const sizeOf = clip => (clip.isKnown ? { width: clip.width, height: clip.height } : null);
const framesOf = clip => (clip.isKnown ? { count: clip.count, counted: true } : { count: FRAMES, counted: false });

/** Width, height and length as the node's own inputs say. */
function asked(panel) {
  const number = name => (panel.isWired(name) ? 0 : Number(panel.value(name)) || 0);
  return { width: number("width"), height: number("height"), length: number("length") };
}

const typed = panel => ({
  size: clip => {
    const { width, height } = asked(panel), known = sizeOf(clip) ?? SIZE;
    return { width: width || known.width, height: height || known.height };
  },
  frames: clip => {
    const { length } = asked(panel);
    return length ? { count: length, counted: true } : framesOf(clip);
  },
});

const BOXES = {
  VaceInpaintVideo: panel => ({
    text: "boxes",
    easing: "easing",
    look: "mask",
    source: () => sourceBehind(panel.app, panel.node, "video"),
    size: clip => sizeOf(clip) ?? SIZE,
    frames: clip => {
      const { length } = asked(panel), known = framesOf(clip);
      return length && length < known.count ? { ...known, count: length } : known;
    },
  }),
  VaceDrawBoxMask: panel => ({
    ...typed(panel),
    text: "boxes",
    easing: "easing",
    look: "mask",
    source: () => sourceAhead(panel.app, panel.node, ["video", "control_video", "image"]),
    clipSize: clip => ({ width: clip.width, height: clip.height, length: clip.count }),
  }),
  VaceDrawLayout: panel => ({
    ...typed(panel),
    text: "boxes",
    easing: "easing",
    look: "layout",
    source: () => null,
    stopsShort: () => panel.value("official_motion") !== false,
  }),
  VaceMakeAnything: panel => ({
    text: "combination.boxes",
    easing: "combination.easing",
    look: "layout",
    source: () => sourceBehind(panel.app, panel.node, "combination.picture"),
    size: clip => moved(asked(panel), sizeOf(clip) ?? SIZE),
    frames: () => {
      const wired = panel.isWired("length"), { length } = asked(panel);
      return { count: Math.max((length || FRAMES) - 1, 1), counted: !wired };
    },
    stopsShort: () => true,
  }),
};

/** The size of a result whose sides may be left to the picture, in multiples of 16. */
function moved({ width, height }, known) {
  const rows = height || (width ? (known.height * width) / known.width : known.height);
  const columns = width || (height ? (known.width * height) / known.height : known.width);
  return { width: snap(columns), height: snap(rows) };
}

const drawsBoxes = (node, specOf) => ({
  title: say("drawBoxes"),
  height: 390,
  applies: () => hasWidget(node, node.comfyClass === "VaceMakeAnything" ? "combination.boxes" : "boxes"),
  open: () => node.comfyClass !== "VaceInpaintVideo" || Boolean(valueOf(node, "boxes")?.trim()),
  editor: panel => new BoxEditor(panel, specOf(panel)),
});

const valueOf = (node, name) => node.widgets?.find(widget => widget.name === name)?.value;
const hasWidget = (node, name) => node.widgets?.some(widget => widget.name === name) ?? false;

const outpaints = () => ({
  title: say("chooseCanvas"),
  height: 360,
  applies: () => true,
  open: () => true,
  editor: panel => new OutpaintEditor(panel, {
    source: () => sourceBehind(panel.app, panel.node, "video"),
    size: clip => sizeOf(clip) ?? SIZE,
    frames: framesOf,
  }),
});

const curves = () => ({
  title: say("drawStrength"),
  height: 230,
  applies: () => true,
  open: () => false,
  editor: panel => new CurveEditor(panel),
});

function optionsOf(node) {
  if (node.comfyClass === "VaceSetStrength") return curves();
  if (node.comfyClass === "VaceOutpaintVideo") return outpaints();
  const boxes = BOXES[node.comfyClass];
  return boxes ? drawsBoxes(node, boxes) : stripOf(node);
}

/** Give a node its editor, and take it away while its inputs have no use for one. */
export function attach(app, node) {
  const options = optionsOf(node);
  if (!options) return;
  const state = { panel: null };
  const settle = () => {
    if (options.applies() && !state.panel) state.panel = new Panel(app, node, options);
    else if (!options.applies() && state.panel) detach(node, state);
  };
  chain(node, "onConfigure", () => {
    settle();
    state.panel?.restore();
  });
  chain(node, "onAdded", () => state.panel?.start());
  chain(node, "onRemoved", () => state.panel?.close());
  const choice = node.widgets?.find(widget => widget.name === "combination");
  if (choice) chain(choice, "callback", settle);
  settle();
}

function detach(node, state) {
  state.panel.close();
  const widget = node.widgets.find(one => one.name === WIDGET);
  if (widget) node.removeWidget(widget);
  state.panel = null;
  node.setSize([node.size[0], node.computeSize()[1]]);
}
