// How a strip looks.
import { say } from "../texts.mjs";
import { GENERATE, KEEP, REFERENCE, hatch } from "./look.mjs";
import { EDGE } from "./strip.mjs";
import { keptFrames, seenFrames, unseen } from "./strip_plan.mjs";

const WARN = "#ffb454";
const TOP = 20;
const BELOW = 40; // dots and numbers
const TALLEST = 170;

/** Draw the strip. */
export function drawStrip(editor, { context, width, height }) {
  const { plan } = editor;
  const tall = Math.min(Math.max(height - TOP - BELOW, 20), TALLEST);
  const band = [Math.max((height - tall - BELOW + TOP) / 2, TOP), tall];
  hatch(context, [editor.x(0), band[0], editor.x(plan.length) - editor.x(0), band[1]]);
  const dark = new Set(unseen(plan));
  editor.spots = [];
  plan.runs.forEach((run, index) => drawRun(editor, context, run, band, dark.has(run), editor.spec.places && index === editor.chosen));
  if (!plan.problem) drawWords(editor, context, band);
  drawDots(editor, context, band[0] + band[1] + 9);
  drawNumbers(editor, context, band[0] + tall + 36);
  for (const [index, handle] of editor.handles.entries()) drawHandle(editor, context, handle, band, index === editor.chosen);
  drawPointer(editor, context, band, width);
}

function drawRun(editor, context, run, [top, height], dark, chosen) {
  const [left, right] = [editor.x(run.start), editor.x(run.stop)];
  const wide = Math.max(right - left, 2);
  context.fillStyle = KEEP;
  context.fillRect(left, top, wide, height);
  if (!editor.spec.places) drawPictures(editor, context, run, [left, top, wide, height]);
  Object.assign(context, { strokeStyle: chosen ? REFERENCE : dark ? WARN : KEEP, lineWidth: chosen ? 3 : 2 });
  context.strokeRect(left, top, wide, height);
  if (editor.spec.places) drawKeyframe(editor, context, run, [left, top, wide, height], chosen);
}

/** Frames of a clip side by side. */
function drawPictures(editor, context, run, [left, top, wide, height]) {
  const source = editor.spec.source(run);
  const sample = editor.thumbs.get(source, run.from);
  if (!sample || wide < 12) return;
  const tile = (height * sample.width) / sample.height;
  const count = Math.ceil(wide / tile);
  context.save();
  context.beginPath();
  context.rect(left, top, wide, height);
  context.clip();
  const length = run.stop - run.start;
  for (let k = 0; k < count; k++) {
    const frame = run.from + Math.round((length - 1) * (count > 1 ? k / (count - 1) : 0));
    const picture = editor.held ? sample : editor.thumbs.get(source, frame);
    if (picture) context.drawImage(picture, count > 1 ? left + k * tile : left + (wide - tile) / 2, top, tile, height);
  }
  context.restore();
}

/** A picture over its place, however narrow that is; a foot shows the place itself. */
function drawKeyframe(editor, context, run, [left, top, wide, height], chosen) {
  const picture = editor.thumbs.get(editor.spec.source(run), run.from ?? 0);
  if (!picture) return;
  const tall = height * 0.8, tile = (tall * picture.width) / picture.height;
  const most = EDGE + editor.width() - tile;
  const x = Math.min(Math.max(left + wide / 2 - tile / 2, EDGE), most), y = top + (height - tall) / 2;
  editor.spots[run.index] = [x, x + tile];
  context.drawImage(picture, x, y, tile, tall);
  Object.assign(context, { strokeStyle: chosen ? REFERENCE : KEEP, lineWidth: 2 });
  context.strokeRect(x, y, tile, tall);
  context.fillStyle = KEEP;
  context.fillRect(left, top + height - 6, Math.max(wide, 2), 6);
}

/** How many frames each stretch has. */
function drawWords(editor, context, [top]) {
  const { length, runs } = editor.plan;
  const sorted = [...runs].sort((a, b) => a.start - b.start);
  context.font = "11px sans-serif";
  const said = (from, to, words, colour) => {
    const room = editor.x(to) - editor.x(from), wide = context.measureText(words).width;
    if (room < wide + 4) return;
    context.fillStyle = colour;
    context.fillText(words, (editor.x(from) + editor.x(to) - wide) / 2, top - 6);
  };
  let at = 0;
  for (const run of [...sorted, { start: length, stop: length }]) {
    if (run.start > at) said(at, run.start, say("makeCount", { count: run.start - at }), GENERATE);
    if (run.stop > run.start) said(run.start, run.stop, run.input ? say("keepCount", { count: run.stop - run.start }) : `${run.start}`, KEEP);
    at = run.stop;
  }
}

/** A dot for each frame that the mask channels see: one of four. */
function drawDots(editor, context, y) {
  const seen = seenFrames(editor.plan.length), kept = keptFrames(editor.plan);
  const size = Math.min(3, Math.max(1, editor.width() / seen.length / 3));
  for (const frame of seen) {
    context.fillStyle = kept[frame] ? KEEP : GENERATE;
    context.beginPath();
    context.arc(editor.x(frame + 0.5), y, size, 0, 7);
    context.fill();
  }
}

function drawNumbers(editor, context, y) {
  const { length } = editor.plan;
  const step = [1, 4, 10, 20, 50, 100, 200, 500].find(each => (editor.width() * each) / editor.shownLength > 40) ?? 1000;
  Object.assign(context, { font: "10px sans-serif", fillStyle: "rgba(200,200,200,.8)", textAlign: "center" });
  for (let frame = 0; frame < length; frame += step) if (frame === 0 || length - 1 - frame > step * 0.6) context.fillText(frame, editor.x(frame + 0.5), y);
  context.fillText(length - 1, editor.x(length - 0.5), y);
  context.textAlign = "left";
}

function drawHandle(editor, context, handle, [top, height], chosen) {
  const x = editor.x(handle.at);
  context.fillStyle = chosen ? REFERENCE : "#ffffff";
  context.fillRect(x - 2, top - 2, 4, height + 4);
  context.beginPath();
  context.roundRect(x - 5, top + height / 2 - 12, 10, 24, 4);
  context.fill();
  Object.assign(context, { strokeStyle: REFERENCE, lineWidth: 1.5 });
  context.stroke();
}

function drawPointer(editor, context, [top, height], width) {
  const { plan, pointer } = editor;
  const frame = pointer ? Math.floor(editor.frameAt(pointer[0])) : -1;
  if (frame < 0 || frame >= plan.length) return;
  const parts = [say("frameNumber", { frame }), say(keptFrames(plan)[frame] ? "kept" : "generated")];
  if (seenFrames(plan.length).includes(frame)) parts.push(say("seenByMask"));
  const words = parts.join(" · ");
  context.font = "11px sans-serif";
  const wide = context.measureText(words).width + 10;
  const x = Math.min(Math.max(pointer[0] - wide / 2, 2), width - wide - 2);
  context.fillStyle = "rgba(255,255,255,.8)";
  context.fillRect(editor.x(frame + 0.5) - 0.5, top, 1, height + 14);
  context.fillStyle = "rgba(0,0,0,.8)";
  context.fillRect(x, top - TOP + 1, wide, 17);
  context.fillStyle = "#ffffff";
  context.fillText(words, x + 5, top - TOP + 13);
}
