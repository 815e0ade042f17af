// How boxes, paths and key frames look.
import { say } from "../texts.mjs";
import { boxWhen, keyFrames, pixels, positions } from "./boxes_text.mjs";
import { GENERATE, INK, PAPER, REFERENCE } from "./look.mjs";
import { drawCovering, handlePoints } from "./view.mjs";

const ARROW = 12; // pixels

export const COLOUR = /(#[0-9a-f]{6})\s*$/i; // behind a label

/** Draw the frame and everything on it. */
export function drawBoxes(editor, { context, width, height }) {
  const view = editor.view(width, height);
  drawFrame(editor, context, view);
  for (const { line, index } of editor.objects()) if (index !== editor.chosen) drawObject(editor, context, view, line, false);
  if (editor.line()) drawObject(editor, context, view, editor.line(), true);
  if (editor.draft) outline(context, view.box(editor.draft), editor.spec.look === "mask" ? GENERATE : REFERENCE, true);
  drawPointer(editor, context, view, width, height);
}

function drawFrame(editor, context, view) {
  const { frameInfo, panel, spec } = editor;
  const box = view.box([0, 0, frameInfo.width, frameInfo.height]);
  const { clip } = panel;
  context.fillStyle = spec.look === "layout" ? PAPER : "#2a2d33";
  context.fillRect(...box);
  if (clip.picture) drawCovering(context, clip.picture, [clip.width, clip.height], box);
  else if (spec.look === "mask") note(context, clip.state === "loading" ? say("loading") : say("noClip"), box);
  context.strokeStyle = "rgba(255,255,255,.5)";
  context.lineWidth = 1;
  context.strokeRect(...box);
}

function note(context, words, [x, y, width, height]) {
  Object.assign(context, { fillStyle: "rgba(255,255,255,.45)", font: "12px sans-serif", textAlign: "center" });
  context.fillText(words, x + width / 2, y + height / 2);
  context.textAlign = "left";
}

const colourOf = (editor, line) => (editor.spec.look === "mask" ? GENERATE : COLOUR.exec(line.label)?.[1] ?? INK);

function drawObject(editor, context, view, line, chosen) {
  const colour = colourOf(editor, line);
  if (line.keys.length > 1) drawPath(editor, context, view, line, chosen, colour);
  const box = view.box(editor.boxNow(line));
  if (editor.spec.look === "mask") {
    context.fillStyle = chosen ? "rgba(139,116,232,.42)" : "rgba(139,116,232,.28)";
    context.fillRect(...box);
  }
  outline(context, box, colour, chosen);
  drawName(context, editor, line, box, chosen);
  if (chosen) drawHandles(context, box, editor.isLocked());
}

function outline(context, box, colour, strong) {
  context.lineWidth = strong ? 5 : 3;
  context.strokeStyle = "rgba(255,255,255,.85)";
  if (strong || colour === INK) context.strokeRect(...box);
  context.lineWidth = strong ? 2.5 : 1.5;
  context.strokeStyle = colour;
  context.strokeRect(...box);
}

/** The boxes of all keys, and the way of the middle. */
function drawPath(editor, context, view, line, chosen, colour) {
  const boxes = line.keys.map(key => view.box(pixels(key, editor.frameInfo)));
  const middles = boxes.map(middleOf), way = line.curved ? curveOf(editor, view, line) : middles;
  context.save();
  context.globalAlpha = chosen ? 0.9 : 0.45;
  context.setLineDash([4, 3]);
  for (const [style, wide] of [["rgba(255,255,255,.8)", 3], [colour, 1.5]]) {
    Object.assign(context, { strokeStyle: style, lineWidth: wide });
    if (chosen) boxes.forEach(box => context.strokeRect(...box));
    context.beginPath();
    way.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  context.setLineDash([]);
  context.fillStyle = colour;
  for (const [x, y] of middles) diamond(context, x, y, 4);
  arrow(context, way.findLast(point => distance(point, way.at(-1)) >= ARROW) ?? way.at(-1), way.at(-1), colour);
  context.restore();
}

const middleOf = ([x, y, width, height]) => [x + width / 2, y + height / 2];
const distance = ([x0, y0], [x, y]) => Math.hypot(x - x0, y - y0);

/** Where the middle goes on the stage, in short pieces. */
function curveOf(editor, view, line) {
  const times = positions(line, editor.frameInfo.count), frame = { ...editor.frameInfo, easing: "linear" };
  const [first, last] = [times[0], times.at(-1)], pieces = 24 * (times.length - 1);
  return Array.from({ length: pieces + 1 }, (_, k) => middleOf(view.box(boxWhen(line, first + ((last - first) * k) / pieces, frame))));
}

function arrow(context, [x0, y0], [x, y], colour) {
  if (distance([x0, y0], [x, y]) < ARROW) return;
  const turn = Math.atan2(y - y0, x - x0);
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(x, y);
  for (const side of [-0.45, 0.45]) context.lineTo(x - 11 * Math.cos(turn + side), y - 11 * Math.sin(turn + side));
  context.fill();
}

function diamond(context, x, y, size) {
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fill();
}

function drawName(context, editor, line, [x, y], chosen) {
  const place = editor.objects().findIndex(({ line: other }) => other === line) + 1;
  const name = line.label.replace(COLOUR, "").trim() || String(place);
  context.font = `${chosen ? "bold " : ""}11px sans-serif`;
  const wide = context.measureText(name).width + 8;
  context.fillStyle = colourOf(editor, line);
  context.fillRect(x, Math.max(y - 16, 0), wide, 15);
  context.fillStyle = PAPER;
  context.fillText(name, x + 4, Math.max(y - 16, 0) + 11);
}

function drawHandles(context, [x, y, width, height], locked) {
  if (locked) return;
  for (const [px, py] of handlePoints([x, y, x + width, y + height])) {
    context.fillStyle = PAPER;
    context.fillRect(px - 4, py - 4, 8, 8);
    Object.assign(context, { strokeStyle: REFERENCE, lineWidth: 1.5 });
    context.strokeRect(px - 4, py - 4, 8, 8);
  }
}

/** Where the pointer is and in which frame. */
function drawPointer(editor, context, view, width, height) {
  if (!editor.pointer) return;
  const [x, y] = view.toFrame(editor.pointer).map(Math.round);
  const { frameInfo, panel } = editor;
  const parts = [`${x},${y} px`, `${Math.round((x * 100) / frameInfo.width)}%,${Math.round((y * 100) / frameInfo.height)}%`];
  if (frameInfo.count > 1) parts.push(say("frameNumber", { frame: panel.frame }));
  const words = parts.join(" · ");
  context.font = "11px sans-serif";
  const wide = context.measureText(words).width + 10;
  const left = Math.min(editor.pointer[0] + 14, width - wide - 2);
  const top = Math.min(editor.pointer[1] + 16, height - 20);
  context.fillStyle = "rgba(0,0,0,.75)";
  context.fillRect(left, top, wide, 18);
  context.fillStyle = PAPER;
  context.fillText(words, left + 5, top + 13);
}

/** Key frames on the time line: large for the chosen object. */
export function drawKeys(editor, context, height) {
  for (const { line, index } of editor.objects()) {
    const chosen = index === editor.chosen;
    if (line.keys.length < 2) continue;
    const frames = keyFrames(line, editor.frameInfo.count);
    context.fillStyle = chosen ? "#ffd166" : "rgba(180,180,180,.5)";
    const x = frames.map(editor.panel.xOf);
    if (chosen) context.fillRect(x[0], height / 2 - 1, x.at(-1) - x[0], 2);
    for (const each of x) diamond(context, each, height / 2, chosen ? 6 : 3);
  }
}
