// Colours and styles of all editors: green is kept, violet is generated, blue is a reference.

export const KEEP = "#3fb37f";
export const GENERATE = "#8b74e8";
export const REFERENCE = "#4a90d9";
export const PAPER = "#ffffff";
export const INK = "#101010";

const STYLE = `
.wan-vace-editor{display:flex;flex-direction:column;gap:4px;width:100%;height:100%;min-width:0;box-sizing:border-box;
  font:12px/1.35 Inter,Arial,sans-serif;color:var(--input-text,#ddd);user-select:none}
.wan-vace-editor *{box-sizing:border-box}
.wan-vace-bar{display:flex;flex-wrap:wrap;gap:3px;align-items:center;min-height:24px}
.wan-vace-bar .gap{flex:1}
.wan-vace-editor button{font:inherit;line-height:18px;height:24px;padding:2px 4px;border-radius:6px;cursor:pointer;white-space:nowrap;
  color:var(--input-text,#ddd);background:var(--comfy-input-bg,#222);border:1px solid var(--border-color,#4e4e4e)}
.wan-vace-editor button:hover:not(:disabled){border-color:${REFERENCE}}
.wan-vace-editor button:disabled{opacity:.4;cursor:default}
.wan-vace-editor button[aria-pressed=true]{border-color:${REFERENCE};box-shadow:inset 0 0 0 1px ${REFERENCE}}
.wan-vace-editor button.wide{width:100%}
.wan-vace-editor canvas{display:block;width:100%;border-radius:6px;outline:none;touch-action:none}
.wan-vace-editor canvas:focus-visible{box-shadow:0 0 0 1.5px ${REFERENCE}}
.wan-vace-stage{flex:1 1 0;min-height:0;position:relative}
.wan-vace-stage canvas{position:absolute;inset:0;height:100%;background:#16181c}
.wan-vace-stage canvas.drop{box-shadow:inset 0 0 0 2px ${REFERENCE}}
.wan-vace-time{display:flex;gap:6px;align-items:center}
.wan-vace-time canvas{flex:1;min-width:0;height:26px;background:var(--comfy-input-bg,#222)}
.wan-vace-time .frame{font-variant-numeric:tabular-nums;min-width:54px;text-align:right}
.wan-vace-hint{line-height:17px;min-height:34px;opacity:.85}
.wan-vace-hint.warn{color:#ffb454;opacity:1}
.wan-vace-large{position:fixed;inset:0;z-index:9990;background:rgba(0,0,0,.6);display:flex;padding:3vh 4vw}
.wan-vace-large .wan-vace-editor{background:var(--comfy-menu-bg,#202020);border-radius:10px;padding:12px;font-size:14px}
.wan-vace-large .wan-vace-hint{line-height:19px;min-height:38px}
.wan-vace-large.low{align-items:center}
.wan-vace-large.low .wan-vace-editor{height:360px}
`;

/** Put the styles into the page, once. */
export function dress() {
  const id = "wan-vace-editors";
  if (document.getElementById(id)) return;
  document.head.append(Object.assign(document.createElement("style"), { id, textContent: STYLE }));
}

export function element(tag, className, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), { className, ...properties });
  made.append(...children);
  return made;
}

export function button(text, title, onclick) {
  const made = element("button", "", { type: "button", textContent: text, title, onclick });
  made.setAttribute("aria-label", title);
  return made;
}

/** A canvas as sharp as the screen is, whatever the zoom. Gives its context in pixels of the layout. */
export function sharp(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const zoom = width ? canvas.getBoundingClientRect().width / width : 1;
  const dense = Math.min(Math.max(zoom, 0.5) * (window.devicePixelRatio || 1), 3);
  const size = [Math.max(1, Math.round(width * dense)), Math.max(1, Math.round(height * dense))];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Where the pointer is on a canvas, in pixels of its layout. */
export function pointerOn(canvas, event, box = canvas.getBoundingClientRect()) {
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  return [(x * canvas.clientWidth) / (box.width || 1), (y * canvas.clientHeight) / (box.height || 1)];
}

/** Follow a press until it is let go, also outside of the canvas. `start` gives {move, end} or nothing. */
export function drags(canvas, start) {
  canvas.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    event.stopPropagation();
    canvas.focus({ preventScroll: true });
    const box = canvas.getBoundingClientRect(); // the node may grow meanwhile
    const hold = start(pointerOn(canvas, event, box), event);
    if (!hold) return;
    canvas.setPointerCapture(event.pointerId);
    const move = next => next.pointerId === event.pointerId && hold.move?.(pointerOn(canvas, next, box), next);
    const end = next => {
      if (next.pointerId !== event.pointerId) return;
      for (const [name, call] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) canvas.removeEventListener(name, call);
      hold.end?.(next);
    };
    for (const [name, call] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) canvas.addEventListener(name, call);
  });
}

/** The ground of what is generated. */
export function hatch(context, [x, y, width, height]) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.fillStyle = "rgba(139,116,232,.22)";
  context.fillRect(x, y, width, height);
  Object.assign(context, { strokeStyle: "rgba(139,116,232,.5)", lineWidth: 1.5 });
  context.beginPath();
  for (let at = -height; at < width; at += 10) {
    context.moveTo(x + at, y + height);
    context.lineTo(x + at + height, y);
  }
  context.stroke();
  context.restore();
}
