// The canvas of VACE Outpaint Video: edges to drag, green is the clip that is kept, violet what is generated around it.
import { say } from "../texts.mjs";
import { button } from "./look.mjs";
import { aspectOf, MULTIPLE, marginsOf, placement, snapped } from "./outpaint_numbers.mjs";
import { drawOutpaint } from "./outpaint_picture.mjs";
import { HANDLES, handleCursor, handlePoints, nearest, viewOf } from "./view.mjs";

const ASPECTS = ["16:9", "9:16", "1:1", "4:3"];
const SIDES = ["left", "top", "right", "bottom"];
const OPPOSITE = { left: "right", right: "left", top: "bottom", bottom: "top" };
const STEP = 0.05; // of a ratio
const REACH = 12;
const LARGE = 1280 * 720;

export class OutpaintEditor {
  /** @param spec {source(), size(clip), frames(clip)} */
  constructor(panel, spec) {
    Object.assign(this, { panel, spec, chosen: 2, draft: null });
    this.refresh();
  }

  refresh() {
    const { panel, spec } = this;
    panel.show(spec.source());
    this.size = spec.size(panel.clip);
    this.chosenBy = this.draft ?? this.read();
    this.margins = marginsOf(this.chosenBy, this.size);
    this.inner = panel.value("inner") === true;
    this.result = placement(this.kept(), this.margins, this.target());
    this.part = this.held ? widest(this.part, this.partAround()) : this.partAround();
    this.updateHint();
    this.tools().forEach(one => one.dataset.aspect && one.setAttribute("aria-pressed", String(this.chosenBy.aspect === one.dataset.aspect)));
  }

  read() {
    const value = name => this.panel.value(`by.${name}`);
    return { by: this.panel.value("by"), ...Object.fromEntries([...SIDES, "aspect", "anchor"].map(name => [name, value(name)])) };
  }

  /** What is kept of the clip: with `inner` the border lies inside of it. */
  kept() {
    const { size, margins } = this;
    if (!this.inner) return size;
    const width = Math.max(size.width - margins.left - margins.right, 1);
    return { width, height: Math.max(size.height - margins.top - margins.bottom, 1) };
  }

  target() {
    const number = name => (this.panel.isWired(name) ? 0 : Number(this.panel.value(name)) || 0);
    return { width: number("width"), height: number("height") };
  }

  /** What is kept, and the whole canvas, both in pixels of the clip with its corner at 0. */
  boxes() {
    const { margins, result, inner } = this;
    const kept = this.kept(), shift = inner ? [margins.left, margins.top] : [0, 0];
    const keptBox = [shift[0], shift[1], shift[0] + kept.width, shift[1] + kept.height];
    const scale = [kept.width / (result.right - result.left), kept.height / (result.bottom - result.top)];
    const left = keptBox[0] - result.left * scale[0], top = keptBox[1] - result.top * scale[1];
    return { kept: keptBox, canvas: [left, top, left + result.width * scale[0], top + result.height * scale[1]] };
  }

  partAround() {
    const [left, top, right, bottom] = this.boxes().canvas;
    const room = 0.06 * Math.max(right - left, bottom - top);
    return [left - room, top - room, right + room, bottom + room];
  }

  signature = () => [this.chosenBy, this.inner, this.target(), this.size, this.chosen, this.panel.clip.state];
  frameCount = () => this.spec.frames(this.panel.clip).count;
  isLocked = () => ["by", ...SIDES.map(side => `by.${side}`), "by.aspect", "by.anchor"].some(name => this.panel.isWired(name));

  // Bar and hint

  tools() {
    this.buttons ??= [
      ...ASPECTS.map(aspect => {
        const one = button(aspect, say("growTo", { aspect }), () => this.toAspect(aspect));
        one.dataset.aspect = aspect;
        return one;
      }),
      button(say("even"), say("evenBorderTip"), () => this.even()),
    ];
    return this.buttons;
  }

  toAspect(aspect) {
    if (this.isLocked()) return;
    this.panel.write({ by: "aspect", "by.aspect": aspect });
    this.panel.commit();
  }

  even() {
    if (this.isLocked()) return;
    if (this.chosenBy.by === "aspect") this.panel.write({ "by.anchor": "centre" });
    else {
      const { left, right, top, bottom } = this.margins;
      const [across, down] = [Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)];
      this.setMargins({ left: across, right: left + right - across, top: down, bottom: top + bottom - down });
    }
    this.panel.commit();
  }

  updateHint() {
    const [sentence, warns] = this.sentence();
    this.panel.say(sentence, warns);
  }

  sentence() {
    const { size, result, inner, margins, panel } = this;
    if (this.isLocked()) return [say("canvasWired"), true];
    if (inner && this.chosenBy.by === "aspect") return [say("innerAspect"), true];
    const { by, aspect } = this.chosenBy;
    if (by === "aspect" && !aspectOf(aspect)) return [say("aspectUnread", { text: String(aspect).slice(0, 60) }), true];
    if (!SIDES.some(side => margins[side])) return [say("nothingGrows"), true];
    if (inner && (margins.left + margins.right >= size.width || margins.top + margins.bottom >= size.height)) return [say("nothingLeft"), true];
    const kept = (result.right - result.left) * (result.bottom - result.top);
    const more = Math.round((100 * (result.width * result.height)) / kept - 100);
    const scale = (result.right - result.left) / this.kept().width;
    const smaller = Math.abs(scale - 1) > 0.002 ? say("clipAt", { percent: Math.round(scale * 100) }) : "";
    const [from, to] = [size, result].map(({ width, height }) => `${width} x ${height}`);
    const growth = say("growth", { from, to, more, scale: smaller });
    if (!panel.clip.isKnown) return [say("sizeUnknown", { growth }), false];
    if (!this.target().width && !this.target().height && result.width * result.height > LARGE) return [say("takesLong", { growth }), true];
    return [growth, false];
  }

  // Changes

  /** Write margins in pixels of the clip, as a ratio where that was chosen, else as pixels. */
  setMargins(margins) {
    const ratio = this.chosenBy.by === "ratio";
    const inUnit = side => {
      const whole = side === "left" || side === "right" ? this.size.width : this.size.height;
      return ratio ? Math.round(Math.round(margins[side] / whole / STEP) * STEP * 100) / 100 : Math.round(margins[side]);
    };
    const values = Object.fromEntries(SIDES.map(side => [`by.${side}`, inUnit(side)]));
    // Another choice brings other widgets, which would move the picture away from the pointer: they come at the end.
    if (this.held && !["ratio", "pixels"].includes(this.panel.value("by"))) {
      this.draft = { by: "pixels", ...Object.fromEntries(SIDES.map(side => [side, values[`by.${side}`]])) };
      return void this.panel.look();
    }
    this.panel.write({ by: ratio ? "ratio" : "pixels", ...values });
  }

  /** A side's margin, snapped so that the canvas is a multiple of 16; {side: pixels}. */
  grow(wanted, from, free) {
    const margins = { ...from };
    for (const [side, amount] of Object.entries(wanted)) {
      const whole = side === "left" || side === "right" ? this.size.width : this.size.height;
      const other = margins[OPPOSITE[side]];
      const legal = Math.max(amount, 0);
      if (this.inner) margins[side] = Math.min(Math.round(legal), whole - other - MULTIPLE);
      else margins[side] = free ? Math.round(legal) : snapped(legal, other, whole);
    }
    this.setMargins(margins);
  }

  // Mouse and keyboard

  edges = () => (this.inner ? this.boxes().kept : this.boxes().canvas);

  handleAt(point) {
    const [x, y, width, height] = this.lastView.box(this.edges());
    const corners = nearest(handlePoints([x, y, x + width, y + height]), point, REACH);
    if (corners >= 0) return corners;
    const along = (value, from, length) => value > from - REACH && value < from + length + REACH;
    const near = (value, edge) => Math.abs(value - edge) < REACH * 0.75;
    if (along(point[1], y, height)) if (near(point[0], x)) return 7; else if (near(point[0], x + width)) return 3;
    if (along(point[0], x, width)) if (near(point[1], y)) return 1; else if (near(point[1], y + height)) return 5;
    return -1;
  }

  press(point) {
    if (this.isLocked() || !this.lastView) return null;
    const handle = this.handleAt(point);
    return handle >= 0 ? this.pullingEdge(handle, point) : this.placing(point);
  }

  holding(move) {
    const from = { margins: { ...this.margins }, boxes: this.boxes(), view: this.lastView };
    this.held = true;
    return {
      move: (point, event) => move(from.view.toFrame(point), from, event),
      end: () => {
        this.held = false;
        const { draft } = this;
        this.draft = null;
        if (draft) this.setMargins(draft);
        this.panel.seen = null;
        this.panel.look();
      },
    };
  }

  pullingEdge(handle, point) {
    const sides = HANDLES[handle].filter(side => side !== null);
    this.chosen = sides[0];
    const start = this.lastView.toFrame(point);
    return this.holding((at, { margins }, event) => {
      const wanted = {};
      for (const side of sides) {
        const outwards = (at[side % 2] - start[side % 2]) * (side < 2 ? -1 : 1);
        wanted[SIDES[side]] = margins[SIDES[side]] + (this.inner ? -outwards : outwards);
      }
      this.grow(wanted, margins, event.altKey);
    });
  }

  /** Drag the clip itself: where it lies on the canvas. */
  placing(point) {
    const start = this.lastView.toFrame(point);
    return this.holding((at, { margins }) => {
      const [dx, dy] = [at[0] - start[0], at[1] - start[1]];
      if (this.chosenBy.by === "aspect") return this.anchorAt(margins, dx, dy);
      const put = (before, after, by) => {
        const moved = Math.min(Math.max(Math.round(before + by), 0), before + after);
        return [moved, before + after - moved];
      };
      const [[left, right], [top, bottom]] = [put(margins.left, margins.right, dx), put(margins.top, margins.bottom, dy)];
      return this.setMargins({ left, right, top, bottom });
    });
  }

  anchorAt({ left, right, top, bottom }, dx, dy) {
    const wide = left + right > 0;
    const part = wide ? (left + dx) / (left + right) : (top + dy) / Math.max(top + bottom, 1);
    const [before, after] = wide ? ["left", "right"] : ["top", "bottom"];
    this.panel.write({ "by.anchor": part < 0.25 ? before : part > 0.75 ? after : "centre" });
  }

  hover(point) {
    if (!point || !this.lastView) return;
    const handle = this.handleAt(point);
    this.panel.stage.style.cursor = handle >= 0 ? handleCursor(handle) : "move";
  }

  /** Tab goes round the edges, arrows move the chosen one by 16 pixels. */
  key(event) {
    if (event.key === "Tab") {
      const next = this.chosen + (event.shiftKey ? -1 : 1);
      if (next < 0 || next > 3) return false;
      this.chosen = next;
      this.panel.look();
      return true;
    }
    const [axis, sign] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, -1], ArrowDown: [1, 1] }[event.key] ?? [];
    if (axis === undefined || this.isLocked()) return false;
    if (this.chosen % 2 !== axis) this.chosen = axis + 2;
    const outwards = sign * (this.chosen < 2 ? -1 : 1) * (this.inner ? -1 : 1) * (event.shiftKey ? 4 * MULTIPLE : MULTIPLE);
    this.grow({ [SIDES[this.chosen]]: this.margins[SIDES[this.chosen]] + outwards }, this.margins, false);
    return true;
  }

  draw = canvas => drawOutpaint(this, canvas);
}

const widest = (one, other) => one.map((side, axis) => (axis < 2 ? Math.min : Math.max)(side, other[axis]));
