// What tests of editors need inside the page. Everything goes through the host's own calls.
window.canvas = (() => {
  const EMPTY = {nodes: [], links: [], groups: [], config: {}, extra: {ds: {scale: 1, offset: [40, 40]}}, version: 0.4, revision: 0, last_node_id: 0, last_link_id: 0};
  const EDITOR = "wan_vace_editor";
  const find = id => app.graph.getNodeById(id);
  const widget = (id, name) => find(id)?.widgets?.find(one => one.name === name);
  const drawn = () => new Promise(requestAnimationFrame);

  async function frames(count) {
    for (let i = 0; i < count; i++) {
      if (!LiteGraph.vueNodesMode) app.canvas.draw(true, true);  // it places editors only when it draws
      await drawn();
    }
  }

  const tracker = () => app.extensionManager.workflow.activeWorkflow.changeTracker;

  // A node that loads a file grows when the host shows it, sooner or later.
  const LOADED = {LoadVideo: "file", LoadImage: "image"};
  function hasArrived(node) {
    const file = node.widgets?.find(one => one.name === LOADED[node.type]);
    if (!file?.options.values.includes(file.value)) return true;
    if (!LiteGraph.vueNodesMode) return Boolean(node.type === "LoadVideo" ? node.videoContainer?.firstChild : node.imgs?.length);
    const shown = document.querySelector(`[data-node-id="${node.id}"] :is(video, img)`);
    return Boolean(shown && (shown.readyState > 1 || shown.complete));
  }

  // Until no node grows any more: what a node gets later is a step of undo by itself.
  async function atRest() {
    for (let i = 0, last = null, same = 0; i < 900; i++) {
      await frames(1);
      const sizes = app.graph.nodes.every(hasArrived) ? app.graph.nodes.map(node => [...node.size]).join() : null;
      same = sizes !== null && sizes === last ? same + 1 : 0;
      if (same > 2) return;
      last = sizes;
    }
    throw new Error("nodes do not come to rest");
  }

  // In the same tab, under an id of its own: Nodes 2.0 keeps what a node showed by graph and node.
  async function load(graph) {
    await app.loadGraphData({...graph, id: crypto.randomUUID()}, true, true, app.extensionManager.workflow.activeWorkflow);
    await frames(2);
    [app.canvas.ds.scale, app.canvas.ds.offset] = [1, [40, 40]];
    await frames(1);
  }

  async function mode(vue) {
    await app.extensionManager.setting.set("Comfy.Minimap.Visible", false);  // draws much, beside what is tested
    await app.extensionManager.setting.set("Comfy.VueNodes.Enabled", vue);
    await load(EMPTY);
    for (let i = 0; i < 100 && LiteGraph.vueNodesMode !== vue; i++) await drawn();
    if (LiteGraph.vueNodesMode !== vue) throw new Error("the front end did not change how it draws nodes");
  }

  function set(id, name, value) {
    const one = widget(id, name);
    if (!one) throw new Error(`no widget ${name}`);
    one.value = value;
    one.callback?.(value);
  }

  async function build(nodes, wires) {
    await load(EMPTY);
    const ids = {};
    for (const [name, [type, values, pos]] of Object.entries(nodes)) {
      const node = LiteGraph.createNode(type);
      if (!node) throw new Error(`no node ${type}`);
      node.pos = pos;
      app.graph.add(node);
      ids[name] = node.id;
      for (const [key, value] of Object.entries(values)) set(node.id, key, value);
    }
    for (const [from, output, to, input] of wires) {
      const target = find(ids[to]), slot = target.inputs.findIndex(one => one.name === input);
      if (slot < 0 || !find(ids[from]).connect(output, target, slot)) throw new Error(`no wire ${from} -> ${to}.${input}`);
    }
    await atRest();
    tracker().captureCanvasState?.();
    return ids;
  }

  // Once it stands still: the layout needs some frames.
  async function rectangle(id, part) {
    for (let i = 0, last = "", same = 0; i < 300; i++) {
      await frames(1);
      const shown = widget(id, EDITOR)?.element?.querySelector(part) ?? document.querySelector(`.wan-vace-large ${part}`);
      const box = shown?.isConnected ? shown.getBoundingClientRect() : {width: 0};
      const now = [box.x, box.y, box.width, box.height];
      same = box.width > 5 && String(now) === last ? same + 1 : 0;
      if (same > 1) return now;
      last = String(now);
    }
    throw new Error(`${part} of node ${id} is not shown`);
  }

  // After an undo: the tracker restores the graph some frames later, and files are loaded anew.
  async function settled() {
    await frames(2);
    for (let i = 0; tracker()._restoringState; i++) {
      if (i > 900) throw new Error("the host does not end its undo");
      await drawn();
    }
    await atRest();
  }

  const editor = id => widget(id, EDITOR)?.options.panel;

  const editorRoot = id => editor(id).root;

  // A pixel of the frame as a part of the stage
  function onStage(id, x, y) {
    const {stage, editor: {lastView}} = editor(id), [left, top] = lastView.toStage([x, y]);
    return [left / stage.clientWidth, top / stage.clientHeight];
  }

  // What the editor does a few times a second by itself
  const look = id => editor(id).look();

  const clip = id => { const {state, width, height, count, fps, shown} = editor(id).clip; return {state, width, height, count, fps, shown}; };
  const edges = id => editor(id).editor.edges();
  // An editor looks at its inputs a few times a second, and has no clips before
  const thumbsReady = id => {
    look(id);
    const clips = [...editor(id).editor.thumbs.clips.values()];
    return clips.length > 0 && clips.every(clip => clip.state === "ready");
  };
  const frame = id => editor(id).frame;
  const hint = id => editor(id).hint.textContent;
  const value = (id, name) => widget(id, name)?.value;
  const prompt = async () => (await app.graphToPrompt()).output;
  const saved = () => app.graph.serialize();
  // Editors come a moment after their nodes
  async function reload() {
    const edited = app.graph.nodes.map(node => node.id).filter(editor);
    await load(saved());
    for (let i = 0; i < 300 && !edited.every(editor); i++) await frames(1);
  }

  const inputs = id => find(id).inputs.map(input => input.name);
  const nodes = () => app.graph.nodes.map(node => [node.id, node.type]);

  // Where a button of the node itself is on the screen
  function buttonPoint(id, name) {
    const node = find(id), one = widget(id, name);
    if (!LiteGraph.vueNodesMode) return app.canvasPosToClientPos([node.pos[0] + node.size[0] / 2, node.pos[1] + one.last_y + 10]);
    const shown = [...document.querySelectorAll(`[data-node-id="${id}"] button`)].find(each => each.textContent.trim() === one.label);
    return middle(shown.getBoundingClientRect());
  }

  const middle = box => [box.x + box.width / 2, box.y + box.height / 2];
  const titlePoint = id => app.canvasPosToClientPos([find(id).pos[0] + 100, find(id).pos[1] - LiteGraph.NODE_TITLE_HEIGHT / 2]);

  // Where the dot of an input ("in") or an output ("out") is on the screen
  function slotPoint(id, side, name) {
    const node = find(id), slots = side === "in" ? node.inputs : node.outputs, number = slots.findIndex(one => one.name === name);
    if (number < 0) throw new Error(`no ${side}put ${name}`);
    if (LiteGraph.vueNodesMode) return middle(document.querySelector(`[data-slot-key="${id}-${side}-${number}"]`).getBoundingClientRect());
    return app.canvasPosToClientPos(side === "in" ? node.getInputPos(number) : node.getOutputPos(number));
  }

  const wires = () => [...app.graph.links.values()].map(({origin_id, origin_slot, target_id, target_slot}) =>
    [String(origin_id), find(origin_id).outputs[origin_slot].name, String(target_id), find(target_id).inputs[target_slot].name]);

  // Into the only subgraph: where a field of a node in there is on the screen
  async function enter(type, name) {
    app.canvas.openSubgraph(around().subgraph, around());
    await frames(6);
    const node = insideOf(type), one = node.widgets.find(each => each.name === name);
    if (!LiteGraph.vueNodesMode) return app.canvasPosToClientPos([node.pos[0] + 60, node.pos[1] + one.last_y + 10]);
    const fields = [...document.querySelectorAll(`[data-node-id="${node.id}"] .lg-node-widget`)];
    return middle(fields.find(each => each.innerText.trim().split("\n")[0] === name).getBoundingClientRect());
  }

  async function leave() {
    app.canvas.setGraph(app.rootGraph);
    await frames(4);
  }

  const images = id => (app.nodeOutputs[String(id)]?.images ?? []).map(file => file.filename);
  const idle = async () => {
    for (;;) {
      const queue = await (await fetch("/queue")).json();
      if (!queue.queue_running.length && !queue.queue_pending.length) return;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  };

  const run = () => app.queuePrompt(0, 1);
  const widgets = id => find(id).widgets.map(one => one.name);

  function makeSubgraph(ids) {
    app.graph.convertToSubgraph(new Set(ids.map(find)));
  }

  // The file that an editor inside of the only subgraph draws upon
  function sourceInside(type) {
    return insideOf(type).widgets.find(one => one.name === EDITOR).options.panel.editor.spec.source()?.name ?? null;
  }

  const EDITOR_TYPES = /^WAN_VACE/;
  const hidden = id => find(id).widgets.filter(one => one.hidden).map(one => one.name);

  // Names of the fields that can be seen on a node
  async function onScreen(id) {
    await frames(3);
    const node = find(id), names = node.widgets.filter(one => !EDITOR_TYPES.test(one.type)).map(one => one.name);
    if (!LiteGraph.vueNodesMode) return node.widgets.filter(one => node.isWidgetVisible(one)).map(one => one.name);
    const words = document.querySelector(`[data-node-id="${id}"]`).innerText.split("\n").map(line => line.trim());
    return names.filter(name => words.includes(name));
  }

  async function showAdvanced(id) {
    find(id).showAdvanced = true;
    await frames(3);
  }

  async function select(id) {
    app.canvas.selectNode(find(id));
    await frames(3);
  }

  // In another language the host reads all nodes anew and then loads the graph again
  async function speak(language) {
    const {setting} = app.extensionManager;
    if (setting.get("Comfy.Locale") === language) return;
    const {id} = await build({id: ["VaceTrimLatent", {}, [0, 0]]}, []), before = find(id);
    await setting.set("Comfy.Locale", language);
    for (let i = 0; i < 900 && [before, null, undefined].includes(find(id)); i++) await drawn();
    if (find(id) === before) throw new Error("the host did not change its language");
    await load(EMPTY);
  }

  function clearToasts() {
    const {toast} = app.extensionManager;
    (toast.dismissAll ?? toast.removeAll).call(toast);  // its name in newer front ends, and in older ones
  }

  // As the host keeps a choice: before Nodes 2.0 has given the node another size
  function choose(id, name, value) {
    set(id, name, value);
    commit();
  }

  const commit = () => (tracker().captureCanvasState ?? tracker().checkState).call(tracker());
  const unplug = (id, name) => find(id).disconnectInput(find(id).inputs.findIndex(one => one.name === name));

  const around = () => app.graph.nodes.find(node => node.subgraph);
  const insideOf = type => around().subgraph.nodes.find(node => node.type === type);
  const setInside = (type, name, value) => {
    const one = insideOf(type).widgets.find(each => each.name === name);
    one.value = value;
    one.callback?.(value);
  };

  // Bring a field of a node inside of the only subgraph out of it, as a drag to its edge does
  async function promote(type, name) {
    const node = insideOf(type), slot = node.getSlotFromWidget(node.widgets.find(one => one.name === name));
    around().subgraph.addInput(name, String(slot.type)).connect(slot, node);
    await frames(3);
    return promoted(name);
  }

  function promoted(name) {
    const one = around().widgets.find(each => each.name === name);
    return {hidden: Boolean(one.hidden || one.options?.hidden), value: one.value};
  }

  // Press the button of a node inside of the only subgraph: types of the nodes that ran
  async function showInside(type) {
    const {subgraph} = around(), inside = insideOf(type), ran = [];
    app.canvas.openSubgraph(subgraph, around());
    await frames(4);
    const executed = ({detail}) => ran.push(subgraph.getNodeById(String(detail.node).split(":").pop()).type);
    app.api.addEventListener("executed", executed);
    const done = new Promise(resolve => app.api.addEventListener("execution_success", resolve, {once: true}));
    inside.widgets.find(one => one.name === "show").callback();
    await done;
    app.api.removeEventListener("executed", executed);
    await leave();
    return ran.sort();
  }

  function copy(id) {
    app.canvas.selectNode(find(id));
    app.canvas.copyToClipboard();
    app.canvas.pasteFromClipboard();
    return Math.max(...app.graph.nodes.map(node => node.id));
  }

  return {clearToasts, speak, atRest, select, editorRoot, hidden, onScreen, showAdvanced, choose, commit, unplug, setInside, promote, promoted, showInside, buttonPoint, titlePoint, slotPoint, wires, enter, leave, images, idle, run, mode, build, set, value, rectangle, onStage, clip, frame, hint, frames, prompt, saved, reload, inputs, nodes, copy, settled, look, edges, thumbsReady, widgets, makeSubgraph, sourceInside};
})();
