// The text of boxes, read and written. The grammar is that of vace_core/video/boxes.py.
// Whatever is not edited stays as it was typed, to the letter.
import { say } from "../texts.mjs";

const NUMBER = "[+-]?(?:\\d{1,9}(?:\\.\\d*)?|\\.\\d+)%?";
const BOX = new RegExp(`^(${NUMBER}),(${NUMBER}),(${NUMBER}),(${NUMBER})(?:@(-?\\d+(?:\\.\\d+)?%|-?\\d+))?$`);
const PERCENT_DIGITS = 1;

/** A text as lines: {raw, end} for blank ones, with `error` for those that cannot be drawn, else {prefix, keys} too. */
export function parse(text, frame) {
  const parts = text.split(/([\n;])/);
  const lines = [];
  for (let i = 0; i < parts.length; i += 2) lines.push({ raw: parts[i], end: parts[i + 1] ?? "", ...parseLine(parts[i], frame) });
  return lines;
}

export const print = lines => lines.map(line => printLine(line) + line.end).join("");

export const drawable = line => Boolean(line.keys);

function parseLine(raw, frame) {
  if (!raw.trim()) return {};
  const colon = raw.indexOf(":");
  const head = colon < 0 ? "" : raw.slice(0, colon);
  const rest = raw.slice(colon + 1);
  const words = rest.replace(/\s*([,@])\s*/g, "$1").trim().split(/\s+/).filter(Boolean);
  const curved = words[0]?.toLowerCase() === "curved";
  if (curved) words.shift();
  if (!words.length) return { error: say("noBox") };
  const keys = words.map(parseBox);
  const bad = keys.findIndex(key => !key);
  if (bad >= 0) return { error: say("notABox", { word: words[bad] }) };
  const line = { prefix: colon < 0 ? "" : raw.slice(0, colon + 1) + " ", label: head.trim(), curved, keys };
  const error = problem(line, frame);
  return error ? { error } : line;
}

function parseBox(word) {
  const match = BOX.exec(word);
  if (!match) return null;
  const sides = match.slice(1, 5).map(side => ({ value: parseFloat(side), percent: side.endsWith("%") }));
  const time = match[5] === undefined ? null : { value: parseFloat(match[5]), percent: match[5].endsWith("%") };
  return { sides, time, word };
}

function problem(line, frame) {
  for (const key of line.keys) {
    const [left, top, right, bottom] = pixels(key, frame);
    if (!(right > left && bottom > top)) return say("noArea", { word: key.word });
    const whole = key.time?.percent ? 100 : frame.count - 1;
    if (key.time && !(key.time.value >= 0 && key.time.value <= whole)) return say("outsideClip", { word: key.word });
  }
  const times = positions(line, frame.count);
  return times.some((time, i) => i && time <= times[i - 1]) ? say("timesFall") : null;
}

/** [left, top, right, bottom] of a key in pixels of the frame. */
export const pixels = (key, frame) =>
  key.sides.map(({ value, percent }, axis) => (percent ? (value * whole(axis, frame)) / 100 : value));

const whole = (axis, frame) => (axis % 2 ? frame.height : frame.width);

/** When each key is reached: 0 at the first frame, 1 at the last. Keys without a time are spread evenly. */
export function positions(line, count) {
  const last = Math.max(count - 1, 1);
  const times = line.keys.map(({ time }) => (time ? time.value / (time.percent ? 100 : last) : null));
  times[0] ??= 0;
  times[times.length - 1] ??= 1;
  for (let a = 0, b; a < times.length - 1; a = b) {
    b = times.findIndex((time, i) => i > a && time !== null);
    for (let i = a + 1; i < b; i++) times[i] = times[a] + ((times[b] - times[a]) * (i - a)) / (b - a);
  }
  return times;
}

const EASE = {
  linear: u => u,
  "ease in": u => u * u,
  "ease out": u => u * (2 - u),
  "ease in-out": u => u * u * (3 - 2 * u),
};

/** Where an object is in a frame, [left, top, right, bottom] in pixels. */
export function boxAt(line, index, frame) {
  const timed = line.keys.some(key => key.time);
  const steps = frame.stopsShort && !timed ? frame.count : Math.max(frame.count - 1, 1);
  return boxWhen(line, index / steps, frame);
}

/** The same at a position in the clip, from 0 to 1. */
export function boxWhen(line, now, frame) {
  const times = positions(line, frame.count);
  const after = times.findIndex(time => time > now);
  if (after <= 0) return pixels(line.keys[after < 0 ? times.length - 1 : 0], frame);
  const u = (EASE[frame.easing] ?? EASE.linear)((now - times[after - 1]) / (times[after] - times[after - 1]));
  if (line.curved) return onCurve(line, times, after, u, frame);
  const [from, to] = [line.keys[after - 1], line.keys[after]].map(key => pixels(key, frame));
  return from.map((side, axis) => side + (to[axis] - side) * u);
}

/** Part u of the way to the key at index `after`: its middle on a curve, its size as on a straight way. */
function onCurve(line, times, after, u, frame) {
  const boxes = line.keys.map(key => pixels(key, frame)), span = times[after] - times[after - 1];
  const sides = [0, 1].map(axis => {
    const middles = boxes.map(box => (box[axis] + box[axis + 2]) / 2);
    const [p, q] = [middles[after - 1], middles[after]];
    const [v, w] = [after - 1, after].map(i => velocity(times, middles, i) * span);
    const middle = p + u * (v + u * (3 * (q - p) - 2 * v - w + u * (v + w - 2 * (q - p))));
    const [before, behind] = [after - 1, after].map(i => boxes[i][axis + 2] - boxes[i][axis]);
    const size = before + (behind - before) * u;
    return [middle - size / 2, middle + size / 2];
  });
  return [sides[0][0], sides[1][0], sides[0][1], sides[1][1]];
}

/** How fast a coordinate changes at a key of a curve. */
function velocity(times, values, i) {
  const slope = at => (values[at + 1] - values[at]) / (times[at + 1] - times[at]);
  if (i === 0) return slope(0);
  if (i === times.length - 1) return slope(i - 1);
  const [before, behind] = [times[i] - times[i - 1], times[i + 1] - times[i]];
  return (slope(i - 1) * behind + slope(i) * before) / (before + behind);
}

/** Frame of each key, rounded. */
export const keyFrames = (line, count) => positions(line, count).map(time => Math.round(time * Math.max(count - 1, 0)));

export const keyAt = (line, index, count) => keyFrames(line, count).indexOf(index);

function printLine(line) {
  if (!line.keys || line.keys.every(key => key.word)) return line.changed ? joined(line) : line.raw;
  return joined(line);
}

const joined = line => line.prefix + (line.curved ? "curved " : "") + line.keys.map(key => key.word ?? printKey(key)).join(" ");

function printKey({ sides, time }) {
  const numbers = sides.map(({ value, percent }) => plain(value) + (percent ? "%" : ""));
  return numbers.join(",") + (time ? `@${plain(time.value)}${time.percent ? "%" : ""}` : "");
}

const plain = value => String(rounded(value, 2) + 0);
const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits || 0;

/** Pixels in the unit of a side, in whole pixels or tenths of a per cent. */
const inUnit = (amount, percent, axis, frame) =>
  percent ? rounded((amount * 100) / whole(axis, frame), PERCENT_DIGITS) : Math.round(amount);

export function moveKey(key, dx, dy, frame) {
  key.sides.forEach((side, axis) => {
    side.value = rounded(side.value + inUnit(axis % 2 ? dy : dx, side.percent, axis, frame), 2);
  });
  key.word = null;
}

/** Put some sides of a key elsewhere: {axis: pixels}; each stays at least a pixel from the opposite one. */
export function resizeKey(key, moved, frame) {
  const before = pixels(key, frame);
  for (const [axis, target] of Object.entries(moved).map(([axis, target]) => [Number(axis), target])) {
    const opposite = before[(axis + 2) % 4];
    const least = Math.max(1, whole(axis, frame) / 100);
    const legal = axis < 2 ? Math.min(target, opposite - least) : Math.max(target, opposite + least);
    key.sides[axis].value = inUnit(legal, key.sides[axis].percent, axis, frame);
  }
  key.word = null;
}

export function newKey(box, percent, frame) {
  const sides = box.map((side, axis) => ({ value: inUnit(side, percent, axis, frame), percent }));
  return { sides, time: null, word: null };
}

export function addObject(lines, key) {
  const last = lines[lines.length - 1];
  if (last && last.raw.trim()) last.end ||= "\n";
  else lines.pop();
  lines.push({ raw: "", end: "", prefix: "", label: "", keys: [key] });
}

export function removeObject(lines, index) {
  lines.splice(index, 1);
  if (index === lines.length && lines.length) lines[index - 1].end = "";
}

/** Say when each key is reached where that would change as keys come and go. */
function pin(line, frame) {
  const times = positions(line, frame.count);
  line.keys.forEach((key, i) => {
    if (key.time || i === 0 || (i === line.keys.length - 1 && i > 0)) return;
    Object.assign(key, { time: timeOf(times[i] * (frame.count - 1), frame), word: null });
  });
  line.changed = true;
}

/** A frame as a time; a part of the clip where its length is not known. */
const timeOf = (index, frame) =>
  frame.counted
    ? { value: Math.round(index), percent: false }
    : { value: rounded((index * 100) / Math.max(frame.count - 1, 1), 1), percent: true };

/** A key where the object is in that frame. Gives its index. */
export function addKey(line, index, frame) {
  const box = boxAt(line, index, frame);
  const at = line.keys.filter((_, i) => keyFrames(line, frame.count)[i] < index).length;
  pin(line, frame);
  const percents = line.keys[Math.min(at, line.keys.length - 1)].sides.map(side => side.percent);
  const key = newKey(box, false, frame);
  key.sides = box.map((side, axis) => ({ value: inUnit(side, percents[axis], axis, frame), percent: percents[axis] }));
  line.keys.splice(at, 0, key);
  setTime(line, at, index, frame);
  return at;
}

/** Let the path go through its boxes in a curve, or from one to the next in straight lines. */
export function toggleCurve(line) {
  Object.assign(line, { curved: !line.curved, changed: true });
}

export function removeKey(line, i, frame) {
  const times = positions(line, frame.count);
  pin(line, frame);
  line.keys.splice(i, 1);
  times.splice(i, 1);
  if (line.keys.length === 1) return void Object.assign(line.keys[0], { time: null, word: null });
  const ends = [0, line.keys.length - 1];
  for (const end of ends) if (!line.keys[end].time) setTime(line, end, times[end] * (frame.count - 1), frame);
}

/** Move a key in time, between its neighbours. */
export function retimeKey(line, i, index, frame) {
  const frames = keyFrames(line, frame.count);
  pin(line, frame);
  const [least, most] = [(frames[i - 1] ?? -1) + 1, (frames[i + 1] ?? frame.count) - 1];
  setTime(line, i, Math.min(Math.max(index, least), most), frame);
}

function setTime(line, i, index, frame) {
  const isEnd = (i === 0 && index === 0) || (i > 0 && i === line.keys.length - 1 && index === frame.count - 1);
  Object.assign(line.keys[i], { time: isEnd ? null : timeOf(index, frame), word: null });
}
