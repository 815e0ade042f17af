// The arithmetic of VACE Outpaint Video: how far a clip grows, and what canvas comes out.
// The same as vace_core/tasks/canvas.py and outpaint.py, rounding included.
import { modulo, round } from "./python.mjs";

export const MULTIPLE = 16;
const NONE = { left: 0, right: 0, top: 0, bottom: 0 };

/** Width over height of "16:9" or "2.39"; NaN if it is neither. */
export function aspectOf(text) {
  const match = /^(\d{1,9}(?:\.\d+)?)(?:\s*[:/x]\s*(\d{1,9}(?:\.\d+)?))?$/.exec(String(text).trim());
  const [width, height] = match ? [Number(match[1]), Number(match[2] ?? 1)] : [0, 0];
  return width && height ? width / height : NaN;
}

/** Pixels on each side, of what was chosen: {by, left, right, top, bottom, aspect, anchor}. */
export function marginsOf(chosen, { width, height }) {
  if (chosen.by === "pixels") return sides(name => Number(chosen[name]) || 0);
  if (chosen.by === "aspect") return toAspect(aspectOf(chosen.aspect), chosen.anchor, { width, height });
  const ratio = chosen.by === "ratio" ? chosen : { left: 0.25, right: 0.25, top: 0, bottom: 0 };
  return sides(name => Math.trunc((Number(ratio[name]) || 0) * (name === "left" || name === "right" ? width : height)));
}

const sides = of => ({ left: of("left"), right: of("right"), top: of("top"), bottom: of("bottom") });

function toAspect(aspect, anchor, { width, height }) {
  if (!aspect) return NONE;
  const columns = Math.max(round(height * aspect) - width, 0), rows = Math.max(round(width / aspect) - height, 0);
  const left = { left: 0, right: columns }[anchor] ?? Math.floor(columns / 2);
  const top = { top: 0, bottom: rows }[anchor] ?? Math.floor(rows / 2);
  return { left, right: columns - left, top, bottom: rows - top };
}

/** {width, height} of what comes out, and where the kept picture lies on it: {left, right, top, bottom}. */
export function placement(kept, margins, target) {
  const columns = kept.width + margins.left + margins.right, rows = kept.height + margins.top + margins.bottom;
  if (target.width || target.height) return fitted(kept, margins, { columns, rows }, target);
  const [left, after] = widened(margins.left, margins.right, columns);
  const [top, below] = widened(margins.top, margins.bottom, rows);
  const width = left + kept.width + after, height = top + kept.height + below;
  return { width, height, left, right: left + kept.width, top, bottom: top + kept.height };
}

function fitted(kept, margins, canvas, target) {
  const { width, height } = resolved(target, canvas);
  const scale = Math.min(height / canvas.rows, width / canvas.columns);
  const [left, right] = span(margins.left, kept.width, canvas.columns, width, scale);
  const [top, bottom] = span(margins.top, kept.height, canvas.rows, height, scale);
  return { width, height, left, right, top, bottom };
}

function resolved({ width, height }, { columns, rows }) {
  const snap = pixels => Math.max(Math.floor((pixels + MULTIPLE / 2) / MULTIPLE), 1) * MULTIPLE;
  return {
    width: snap(width || round((columns * height) / rows)),
    height: snap(height || round((rows * width) / columns)),
  };
}

function span(before, length, canvas, target, scale) {
  const offset = Math.floor((target - round(canvas * scale)) / 2);
  const begin = round(before * scale);
  return [offset + begin, offset + Math.max(round((before + length) * scale), begin + 1)];
}

function widened(before, after, canvas) {
  const extra = modulo(-canvas, MULTIPLE);
  if (before && !after) return [before + extra, after];
  if (after && !before) return [before, after + extra];
  return [before + Math.floor(extra / 2), after + extra - Math.floor(extra / 2)];
}

/** A margin that makes the canvas a multiple of 16 together with the other one; near nothing it is nothing. */
export function snapped(margin, other, length) {
  if (margin < MULTIPLE / 2) return 0;
  const whole = Math.round((length + other + margin) / MULTIPLE) * MULTIPLE;
  return Math.max(whole - length - other, 0);
}
