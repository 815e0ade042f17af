// Strength over the steps or over the frames: a line with points that are dragged. What is edited is a text.
import { say } from "../texts.mjs";
import { MOST, readCurve, valueAt, writeCurve } from "./curve_text.mjs";
import { button, REFERENCE } from "./look.mjs";
import { nearest } from "./view.mjs";

const REACH = 10;
const ROOM = { left: 34, right: 12, top: 12, bottom: 20 };
const STEP = 0.05;
const within = (value, least, most) => Math.min(Math.max(value, least), most);
const FIELDS = [["steps", "stepsTip"], ["frames", "framesTip"]]; // a curve each; one is edited at a time
const PRESETS = [
  ["fadeOut", [[0, 1], [1, 0]]],
  ["fadeIn", [[0, 0], [1, 1]]],
];

export class CurveEditor {
  constructor(panel) {
    Object.assign(this, { panel, name: FIELDS[0][0], chosen: 0 });
    this.refresh();
  }

  refresh() {
    this.points = readCurve(this.panel.value(this.name) ?? "");
    this.most = this.held ? this.most : Math.max(1, ...(this.points ?? []).map(([, value]) => value)) * 1.25;
    this.chosen = Math.min(this.chosen, (this.points?.length ?? 1) - 1);
    for (const one of this.choices ?? []) one.setAttribute("aria-pressed", String(one.dataset.name === this.name));
    this.panel.say(...this.sentence());
  }

  signature = () => [this.points, this.name, this.chosen, this.isLocked()];
  frameCount = () => 1;
  isLocked = () => this.panel.isWired(this.name) || this.panel.isWired(`${this.name}_curve`);

  sentence() {
    if (this.isLocked()) return [say("curveWired"), true];
    if (!this.points) return [say("curveUnread"), true];
    const [place, value] = this.points[this.chosen];
    return [say("curvePoint", { place: Math.round(place * 1000) / 10, value: Math.round(value * 100) / 100 }), false];
  }

  tools() {
    this.choices ??= FIELDS.map(([name, tip]) => {
      const one = button(say(name), say(tip), () => this.choose(name));
      one.dataset.name = name;
      return one;
    });
    this.presets ??= PRESETS.map(([name, points]) => button(say(name), say(name), () => this.set(points)));
    return [...this.choices, ...this.presets];
  }

  choose(name) {
    this.restore(0, name);
    this.panel.look();
  }

  restore(chosen, name = this.name) {
    Object.assign(this, { name, chosen });
    this.refresh();
  }

  set(points) {
    if (this.isLocked()) return;
    this.write(points);
    this.panel.commit();
  }

  write = points => this.panel.write({ [this.name]: writeCurve(points) });

  // Between the curve and the stage

  size = () => [this.panel.stage.clientWidth - ROOM.left - ROOM.right, this.panel.stage.clientHeight - ROOM.top - ROOM.bottom];
  toStage([place, value]) {
    const [width, height] = this.size();
    return [ROOM.left + place * width, ROOM.top + height * (1 - value / this.most)];
  }

  toCurve([x, y]) {
    const [width, height] = this.size();
    const value = (1 - (y - ROOM.top) / Math.max(height, 1)) * this.most;
    const place = Math.round(((x - ROOM.left) / Math.max(width, 1)) * 1000) / 1000;
    return [within(place, 0, 1), within(Math.round(value / STEP) * STEP, 0, MOST)];
  }

  // Mouse and keyboard

  press(point, event) {
    if (this.isLocked() || !this.points) return null;
    const near = nearest(this.points.map(each => this.toStage(each)), point, REACH);
    if (near >= 0 && event.altKey) return this.remove(near), { move: null };
    return this.carrying(near >= 0 ? near : this.add(this.toCurve(point)));
  }

  add([place, value]) {
    const at = this.points.filter(point => point[0] <= place).length;
    this.points.splice(at, 0, [place, value]);
    this.write(this.points);
    return at;
  }

  remove(index) {
    if (this.points.length > 1) this.write(this.points.filter((_, i) => i !== index));
  }

  carrying(index) {
    this.chosen = index;
    this.held = true;
    const from = this.points.map(point => [...point]); // every step begins with the points of the start
    return {
      move: point => this.place(index, this.toCurve(point), from),
      end: () => {
        this.held = false;
        this.panel.seen = null;
        this.panel.look();
      },
    };
  }

  /** Put one of the points `from` elsewhere, between its neighbours. */
  place(index, [place, value], from = this.points) {
    const points = from.map(point => [...point]);
    const [least, most] = [points[index - 1]?.[0] ?? 0, points[index + 1]?.[0] ?? 1];
    points[index] = [within(place, least, most), within(value, 0, MOST)];
    this.write(points);
  }

  hover(point) {
    const near = point && this.points ? nearest(this.points.map(each => this.toStage(each)), point, REACH) : -1;
    this.panel.stage.style.cursor = near >= 0 ? "grab" : "crosshair";
  }

  /** Tab goes from point to point, arrows move one, Delete takes it out. */
  key(event) {
    if (!this.points || this.isLocked()) return false;
    if (event.key === "Tab") {
      const next = this.chosen + (event.shiftKey ? -1 : 1);
      if (next < 0 || next >= this.points.length) return false;
      this.chosen = next;
      this.panel.look();
      return true;
    }
    if (event.key === "Delete" || event.key === "Backspace") return this.remove(this.chosen), true;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
    if (dx === undefined) return false;
    const by = event.shiftKey ? 5 : 1, [place, value] = this.points[this.chosen];
    this.place(this.chosen, [place + dx * by * 0.01, value + dy * by * STEP]);
    return true;
  }

  draw({ context, width, height }) {
    drawGrid(this, context, width, height);
    if (!this.points) return;
    context.beginPath();
    context.moveTo(...this.toStage([0, valueAt(this.points, 0)]));
    for (const point of this.points) context.lineTo(...this.toStage(point));
    context.lineTo(...this.toStage([1, valueAt(this.points, 1)]));
    Object.assign(context, { strokeStyle: REFERENCE, lineWidth: 2 });
    context.stroke();
    this.points.forEach((point, index) => drawPoint(context, this.toStage(point), index === this.chosen));
  }
}

function drawGrid(editor, context, width, height) {
  Object.assign(context, { strokeStyle: "rgba(255,255,255,.15)", fillStyle: "rgba(220,220,220,.8)", lineWidth: 1, font: "10px sans-serif" });
  for (const value of [0, 0.5, 1, 2, 5, 10, 100, 1000].filter(each => each <= editor.most)) {
    const [x, y] = editor.toStage([0, value]);
    context.fillRect(x, y, value === 1 ? 6 : 3, 1);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(width - ROOM.right, y);
    context.stroke();
    context.fillText(value, 6, y + 4);
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) context.fillText(`${part * 100}%`, Math.min(editor.toStage([part, 0])[0] - 8, width - 28), height - 6);
}

function drawPoint(context, [x, y], chosen) {
  context.beginPath();
  context.arc(x, y, chosen ? 6 : 4, 0, 7);
  Object.assign(context, { fillStyle: chosen ? REFERENCE : "#ffffff", strokeStyle: REFERENCE, lineWidth: 1.5 });
  context.fill();
  context.stroke();
}
