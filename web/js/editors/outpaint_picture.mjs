// How the canvas of an outpaint looks.
import { say } from "../texts.mjs";
import { GENERATE, KEEP, REFERENCE, hatch } from "./look.mjs";
import { handlePoints, viewOf } from "./view.mjs";

/** Draw the canvas, the clip on it and the edges to drag. */
export function drawOutpaint(editor, { context, width, height }) {
  const view = (editor.lastView = viewOf(editor.part, width, height));
  const boxes = editor.boxes();
  const canvas = view.box(boxes.canvas), kept = view.box(boxes.kept);
  hatch(context, canvas);
  if (editor.panel.clip.picture) drawClip(editor, context, view, boxes);
  else Object.assign(context, { fillStyle: "#3a3f47" }), context.fillRect(...kept);
  frame(context, kept, KEEP, 2);
  frame(context, canvas, GENERATE, 2);
  drawWords(editor, context, canvas, kept);
  drawHandles(editor, context, view);
}

function drawClip(editor, context, view, boxes) {
  const { picture } = editor.panel.clip;
  const whole = view.box([0, 0, editor.size.width, editor.size.height]);
  if (editor.inner) {
    context.globalAlpha = 0.3;
    context.drawImage(picture, ...whole);
    context.globalAlpha = 1;
  }
  context.save();
  context.beginPath();
  context.rect(...view.box(boxes.kept));
  context.clip();
  context.drawImage(picture, ...whole);
  context.restore();
}

function drawWords(editor, context, [x, y, width, height], [keptX, keptY]) {
  label(context, say("kept"), keptX + 4, keptY + 4, KEEP);
  const { left, right, top, bottom } = editor.margins;
  const middle = [x + width / 2, y + height / 2];
  if (left) label(context, `${left}`, x + 4, middle[1] - 8, GENERATE);
  if (right) label(context, `${right}`, x + width - 4, middle[1] - 8, GENERATE, 1);
  if (top) label(context, `${top}`, middle[0], y + 4, GENERATE, 0.5);
  if (bottom) label(context, `${bottom}`, middle[0], y + height - 20, GENERATE, 0.5);
}

function drawHandles(editor, context, view) {
  if (editor.isLocked()) return;
  const [x, y, width, height] = view.box(editor.edges());
  const points = handlePoints([x, y, x + width, y + height]);
  const chosen = [7, 1, 3, 5][editor.chosen];
  points.forEach(([px, py], index) => {
    context.fillStyle = index === chosen ? REFERENCE : "#ffffff";
    context.fillRect(px - 4, py - 4, 8, 8);
    Object.assign(context, { strokeStyle: REFERENCE, lineWidth: 1.5 });
    context.strokeRect(px - 4, py - 4, 8, 8);
  });
}

function frame(context, box, colour, lineWidth) {
  Object.assign(context, { strokeStyle: colour, lineWidth });
  context.strokeRect(...box);
}

/** Words on a coloured ground; `shift` is the part of their width that lies left of x. */
function label(context, words, x, y, colour, shift = 0) {
  context.font = "11px sans-serif";
  const wide = context.measureText(words).width + 8;
  context.fillStyle = colour;
  context.fillRect(x - wide * shift, y, wide, 16);
  context.fillStyle = "#101010";
  context.fillText(words, x - wide * shift + 4, y + 12);
}
