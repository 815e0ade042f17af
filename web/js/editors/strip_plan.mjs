// What is kept and what is generated, frame by frame, and what the mask channels see of it.
// The same as vace_core/tasks/positions.py, keyframes.py and extension.py.
import { say } from "../texts.mjs";
import { modulo, round } from "./python.mjs";

const PLACE = /^(?:(first|last)|(-?\d{1,9})|(\d{1,9}(?:\.\d+)?|\.\d+)%|(\d{1,9}(?:\.\d+)?|\.\d+)s)(?:x(\d{1,9}))?$/i;
const LATENT = 4; // frames

/** Frames whose mask the model reads, one for each latent frame. */
export function seenFrames(count) {
  const padded = Math.ceil((count - 1) / LATENT) * LATENT + 1;
  const latent = (padded - 1) / LATENT + 1;
  return Array.from({ length: latent }, (_, k) => Math.min(Math.floor(((2 * k + 1) * padded) / (2 * latent)), count - 1));
}

/** The words of positions with what lies between them: [{word, start, end}]. */
export const words = text => [...String(text).matchAll(/[^,;\s]+/g)].map(({ 0: word, index }) => ({ word, start: index, end: index + word.length }));

/** {start, hold} of a place, or null if it is none or outside the clip. */
export function placeOf(word, length, fps, hold) {
  const match = PLACE.exec(word);
  if (!match || (match[5] && !Number(match[5]))) return null;
  const last = length - 1;
  let frame;
  if (match[3]) frame = round((last * Number(match[3])) / 100);
  else if (match[4]) frame = round(Number(match[4]) * fps);
  else if (match[2]) frame = Number(match[2]) + (match[2].startsWith("-") ? length : 0);
  else frame = match[1].toLowerCase() === "first" ? 0 : last;
  return frame >= 0 && frame <= last ? { start: frame, hold: Number(match[5] ?? hold) } : null;
}

/** {start, hold} of pictures from the first frame to the last. */
export function spread(count, length, hold) {
  const room = Math.max(length - hold, 0), steps = Math.max(count - 1, 1);
  return Array.from({ length: count }, (_, k) => ({ start: Math.floor((2 * k * room + steps) / (2 * steps)), hold }));
}

const meets = (one, other) => one.start < other.start + other.hold && other.start < one.start + one.hold;

/** Places moved or held so that the mask channels see each, where nothing is in the way. */
export function snap(places, length, how) {
  const placed = places.map(place => ({ ...place }));
  const seen = seenFrames(length);
  placed.forEach((place, index) => {
    const end = place.start + place.hold;
    if (how === "off" || seen.some(frame => frame >= place.start && frame < end)) return;
    const [floor, ceiling] = roomOf(placed, index);
    const held = seen.filter(frame => frame >= floor && frame < ceiling).map(frame => {
      const start = Math.min(place.start, frame);
      return { start, hold: Math.max(end, frame + 1) - start };
    });
    if (!held.length) return;
    const order = one => one.hold * 2 + (one.start < place.start ? 1 : 0);
    const nearest = held.reduce((best, one) => (order(one) < order(best) ? one : best));
    const earlier = nearest.start < place.start;
    placed[index] = how === "hold" ? nearest : { start: earlier ? nearest.start : nearest.start + nearest.hold - place.hold, hold: place.hold };
  });
  return placed;
}

/** From where to where nothing else is in the way of a place. */
function roomOf(places, index) {
  const { start, hold } = places[index];
  let [floor, ceiling] = [0, Infinity];
  places.forEach((other, i) => {
    if (i !== index && other.start < start) floor = Math.max(floor, other.start + other.hold);
    if (i !== index && other.start >= start + hold) ceiling = Math.min(ceiling, other.start);
  });
  return [floor, ceiling];
}

/** The plan of VACE Place Keyframes: {length, runs: [{start, stop, name, index}], problem}. */
export function keyframePlan({ text, count, length, hold, fps, how }) {
  const typed = words(text);
  const places = typed.length ? typed.map(({ word }) => placeOf(word, length, fps, hold)) : spread(count, length, hold);
  const wrong = places.indexOf(null);
  if (wrong >= 0) return { length, runs: [], problem: say("noPlace", { word: typed[wrong].word, length }) };
  const inside = places.map(({ start, hold: held }) => ({ start: Math.max(Math.min(start, length - held), 0), hold: held }));
  const sorted = [...inside].sort((a, b) => a.start - b.start);
  const clash = sorted.some((place, i) => i && meets(place, sorted[i - 1]));
  const runs = snap(inside, length, clash ? "off" : how).map(({ start, hold: held }, index) => ({ start, stop: start + held, index }));
  const problem = clash ? say("overlap") : count && places.length !== count ? say("miscounted", { places: places.length, count }) : null;
  return { length, runs, problem, wanted: inside };
}

const seenOf = (overlap, count) => Math.min(overlap || count, count);

/** Kept runs of clips: [{start, stop, input, from}], from being the clip's own frame. */
export function extendPlan({ before, after, overlap, count }) {
  const seen = seenOf(overlap, count);
  const run = { start: before, stop: before + seen, input: "video", from: before ? 0 : count - seen };
  const middle = before && after && seen < count ? say("allIsSeen") : null;
  return { length: before + seen + after, runs: [run], problem: before + after ? middle : say("pullAnEnd") };
}

export function bridgePlan({ gap, overlaps, counts, inputs }) {
  const [head, tail] = overlaps.map((overlap, i) => seenOf(overlap, counts[i]));
  const runs = [
    { start: 0, stop: head, input: inputs[0], from: counts[0] - head },
    { start: head + gap, stop: head + gap + tail, input: inputs[1], from: 0 },
  ];
  return { length: head + gap + tail, runs, problem: gap ? null : say("pullTheGap") };
}

export function interpolatePlan({ between, count, how }) {
  const length = (count - 1) * (between + 1) + 1;
  const places = Array.from({ length: count }, (_, k) => ({ start: k * (between + 1), hold: 1 }));
  const runs = snap(places, length, how).map(({ start, hold }, from) => ({ start, stop: start + hold, input: "video", from }));
  return { length, runs, problem: count > 1 ? null : say("oneFrame") };
}

/** For each frame whether it is kept. */
export function keptFrames({ length, runs }) {
  const kept = new Array(length).fill(false);
  for (const { start, stop } of runs) kept.fill(true, Math.max(start, 0), stop);
  return kept;
}

/** Kept runs that the mask channels do not see at all; a run of 8 frames always is. */
export function unseen({ length, runs }) {
  const seen = new Set(seenFrames(length));
  const shows = ({ start, stop }) => Array.from({ length: Math.min(stop - start, 8) }, (_, k) => start + k).some(frame => seen.has(frame));
  return runs.filter(run => !shows(run));
}

/** The value nearest to one that makes the clip 4n + 1 frames long, if any is as near as 2. */
export function fitted(value, lengthAt, least) {
  const near = [0, 1, -1, 2, -2].map(by => value + by).filter(one => one >= least && modulo(lengthAt(one), LATENT) === 1);
  return near[0] ?? Math.max(value, least);
}
