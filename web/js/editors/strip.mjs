// The strip of a clip to come: green is kept, violet is generated, dots are the frames that the mask channels see.
import { say } from "../texts.mjs";
import { acceptFiles, load } from "./drops.mjs";
import { button } from "./look.mjs";
import { drawStrip } from "./strip_picture.mjs";
import { fitted, unseen, words } from "./strip_plan.mjs";
import { Thumbs } from "./thumbs.mjs";

const REACH = 7;
const MANY = 200; // runs
export const EDGE = 12; // left and right of the strip

export class StripEditor {
  /**
   * @param spec {plan(editor), handles(editor, plan), source(run), tools(editor), places}: `handles` are counts that an
   *   edge of the strip changes, [{at, name, sign, least, lengthAt}]; `places` is the text whose words are the runs
   */
  constructor(panel, spec) {
    Object.assign(this, { panel, spec, chosen: 0, pointer: null, spots: [] }); // spots: where pictures lie, from and to
    this.thumbs = new Thumbs(() => panel.draw());
    acceptFiles(panel, (files, x) => this.take(files, this.frameAt(x)), spec.places ? { kinds: ["image"] } : { most: spec.inputs.length });
    this.refresh();
  }

  refresh() {
    this.guesses = false;
    this.plan = this.spec.plan(this);
    if (!this.held) this.shownLength = Math.max(this.plan.length, 1);
    this.handles = this.isLocked() ? [] : this.spec.handles?.(this, this.plan) ?? [];
    for (const one of this.made ?? []) if (one.isPressed) one.setAttribute("aria-pressed", String(one.isPressed()));
    const [sentence, warns] = this.sentence();
    this.panel.say((this.hintNow = sentence), warns);
  }

  close = () => this.thumbs.close();
  signature = () => [this.plan.length, this.plan.problem, this.plan.runs.length < MANY ? this.plan.runs : this.hintNow, this.chosen, this.isLocked()];
  frameCount = () => 1; // the strip is the time line
  isLocked = () => (this.spec.names ?? []).some(name => this.panel.isWired(name));
  tools = () => (this.made ??= this.spec.tools?.(this) ?? []);
  number = name => (this.panel.isWired(name) ? 0 : Number(this.panel.value(name)) || 0);

  /** A button that sets inputs, and may show that they are set so. */
  setter(words, title, values, isPressed = null) {
    const made = button(words, title, () => {
      this.panel.write(values());
      this.panel.commit();
    });
    return Object.assign(made, { isPressed });
  }

  /** Frames of the clip at an input, and whether they are known. */
  countOf(input, fallback) {
    const clip = this.thumbs.clip(this.spec.source({ input }));
    if (clip?.isKnown) return clip.count;
    this.guesses ||= !this.spec.places;
    return fallback;
  }

  sentence() {
    const { length, runs, problem } = this.plan;
    if (this.isLocked()) return [say("countsWired"), true];
    if (problem) return [problem, true];
    if (this.guesses) return [say("lengthGuessed"), true];
    const kept = runs.reduce((sum, run) => sum + run.stop - run.start, 0);
    const dark = unseen(this.plan);
    const padded = Math.ceil((length - 1) / 4) * 4 + 1;
    const numbers = say("counts", { length, kept, made: length - kept });
    if (!dark.length) return [padded > length ? say("padded", { counts: numbers, padded }) : numbers, false];
    const places = dark.slice(0, 4).map(run => (run.stop - run.start > 1 ? `${run.start}-${run.stop - 1}` : run.start));
    const more = (dark.length > 4 ? say("seeOthers") : "") + (this.spec.places ? say("seeSnap") : "");
    return [say("missed", { counts: numbers, places: places.join(", "), more }), true];
  }

  // Between frames and the stage

  width = () => Math.max(this.panel.stage.clientWidth - 2 * EDGE, 1);
  x = frame => EDGE + (this.width() * frame) / this.shownLength;
  frameAt = x => ((x - EDGE) * this.shownLength) / this.width();

  /** Files that were dropped at a frame: the node's inputs for them, and where several pictures stand. */
  take(files, frame) {
    if (this.spec.places) return this.takePictures(files, frame);
    const { inputs } = this.spec, under = Math.floor((frame * inputs.length) / this.shownLength);
    const at = Math.max(0, Math.min(under, inputs.length - files.length)); // the first of them all
    return files.forEach((file, i) => load(this.panel, file, inputs[at + i], i));
  }

  /** Typed places without a picture are taken first; of the rest the first stands where it was dropped, further ones evenly to the end. */
  async takePictures(files, frame) {
    const { panel, plan } = this, { length } = plan, hold = this.number("hold") || 1;
    const [first, last] = [Math.min(Math.max(Math.floor(frame), 0), length - hold), length - hold];
    const count = plan.runs.filter(run => run.picture).length;
    let wired = 0;
    for (const file of files) wired += load(panel, file, await this.spec.free(), count + wired);
    const text = String(panel.value(this.spec.places) ?? ""), typed = words(text), waiting = typed.slice(count).map(one => one.word);
    const before = typed.length ? [text.replace(/[,;\s]+$/, "")] : (plan.wanted ?? []).slice(0, count).map(one => this.wordOf(one.start, one.hold));
    if (!wired || !plan.wanted) return; // a text that cannot be read is left to its writer
    if (waiting.length) panel.notice(say("atTyped", { places: waiting.slice(0, wired).join(", ") }), "info");
    const free = Math.max(wired - waiting.length, 0);
    const places = Array.from({ length: free }, (_, i) => this.wordOf(Math.round(first + (i * (last - first)) / free), hold));
    if (free) panel.write({ [this.spec.places]: [...before, ...places].join(", ") });
  }

  // Mouse

  handleAt([x]) {
    const far = this.handles.map(handle => Math.abs(this.x(handle.at) - x));
    const best = far.indexOf(Math.min(...far));
    return best >= 0 && far[best] <= REACH ? best : -1;
  }

  runAt([x]) {
    const frame = Math.floor(this.frameAt(x)), slack = Math.max(0, Math.ceil(REACH / (this.width() / this.shownLength)) - 1);
    const inside = run => frame >= run.start && frame < run.stop;
    const near = run => frame >= run.start - slack && frame < run.stop + slack;
    const pictured = ({ picture }, index) => picture && this.spots[index] && x >= this.spots[index][0] && x <= this.spots[index][1];
    const { runs } = this.plan;
    return [inside, near, pictured].map(test => runs.findIndex(test)).find(index => index >= 0) ?? -1;
  }

  press(point) {
    if (this.isLocked()) return null;
    const handle = this.handleAt(point);
    if (handle >= 0) return this.pulling(handle, point);
    const run = this.spec.places ? this.runAt(point) : -1;
    return run >= 0 && this.plan.wanted ? this.carrying(run, point) : null;
  }

  holding(move) {
    this.held = true;
    return {
      move,
      end: () => {
        this.held = false;
        this.panel.seen = null;
        this.panel.look();
      },
    };
  }

  pulling(index, point) {
    this.chosen = index;
    const handle = this.handles[index], frames = this.frameAt(point[0]);
    return this.holding(([x], event) => this.pull(handle, this.frameAt(x) - frames, event.altKey));
  }

  pull(handle, frames, free) {
    const value = Math.round(handle.value + handle.sign * frames);
    const legal = Math.max(value, handle.least);
    this.write(handle, free ? legal : fitted(legal, handle.lengthAt, handle.least));
  }

  /** 0 is the whole clip, so a count that reaches it is written as 0. */
  write(handle, value) {
    this.panel.write({ [handle.name]: handle.most && value >= handle.most ? 0 : value });
  }

  carrying(index, point) {
    this.chosen = index;
    const { start, hold } = this.plan.wanted[index], first = this.frameAt(point[0]);
    const resizes = Math.abs(this.x(start + hold) - point[0]) < REACH && this.x(start + hold) - this.x(start) > 3 * REACH;
    return this.holding(([x]) => {
      const by = Math.round(this.frameAt(x) - first);
      this.place(index, resizes ? { start, hold: Math.max(hold + by, 1) } : { start: start + by, hold });
    });
  }

  /** Put a picture elsewhere, no further than its neighbours; the other words of the text stay as they are. */
  place(index, { start, hold }) {
    const { panel, plan } = this, { wanted, length } = plan;
    const others = wanted.filter((_, i) => i !== index);
    const middle = wanted[index].start;
    const floor = Math.max(0, ...others.filter(one => one.start < middle).map(one => one.start + one.hold));
    const ceiling = Math.min(length, ...others.filter(one => one.start > middle).map(one => one.start));
    const held = Math.max(Math.min(hold, ceiling - floor), 1);
    const at = Math.min(Math.max(start, floor), ceiling - held);
    const text = String(panel.value(this.spec.places) ?? "");
    const typed = words(text);
    const word = this.wordOf(at, held, typed[index]?.word);
    if (!typed.length) {
      const all = wanted.map((one, i) => (i === index ? word : this.wordOf(one.start, one.hold)));
      return panel.write({ [this.spec.places]: all.join(", ") });
    }
    const { start: from, end } = typed[index];
    return panel.write({ [this.spec.places]: text.slice(0, from) + word + text.slice(end) });
  }

  wordOf(start, hold, before = "") {
    const last = start === this.plan.length - 1 && hold === 1 ? "last" : String(start);
    return hold !== (this.number("hold") || 1) || /x\d+$/i.test(before) ? `${last}x${hold}` : last;
  }

  hover(point) {
    this.pointer = point;
    const over = point && !this.isLocked();
    const handle = over && this.handleAt(point) >= 0, run = over && this.spec.places && this.runAt(point) >= 0;
    this.panel.stage.style.cursor = handle ? "ew-resize" : run ? "grab" : "default";
    this.panel.draw();
  }

  /** Tab goes on, arrows move by a frame, with Shift by ten; with Alt they hold a picture longer or shorter. */
  key(event) {
    const count = this.spec.places ? this.plan.runs.length : this.handles.length;
    if (event.key === "Tab") {
      const next = this.chosen + (event.shiftKey ? -1 : 1);
      if (next < 0 || next >= count) return false;
      this.chosen = next;
      this.panel.look();
      return true;
    }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || this.isLocked() || this.chosen >= count) return false;
    const by = step * (event.shiftKey ? 10 : 1);
    if (!this.spec.places) this.pull(this.handles[this.chosen], by * this.handles[this.chosen].sign, true);
    else if (this.plan.wanted) {
      const { start, hold } = this.plan.wanted[this.chosen];
      this.place(this.chosen, event.altKey ? { start, hold: Math.max(hold + by, 1) } : { start: start + by, hold });
    }
    return true;
  }

  draw = canvas => drawStrip(this, canvas);
}
