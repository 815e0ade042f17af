// What the placing of nodes needs inside the page. The last expression is what the harness calls by name.
window.placing = (() => {
  const EMPTY = {nodes: [], links: [], groups: [], config: {}, extra: {}, version: 0.4, revision: 0, last_node_id: 0, last_link_id: 0};
  const COLUMNS = 9, WIDTH = 420, HEIGHT = 620;
  const load = graph => app.loadGraphData(graph, true, true, "placing");
  const find = id => app.graph.getNodeById(id);
  const byName = (list, name) => (list || []).findIndex(one => one.name === name);

  // A workflow of its own id: Nodes 2.0 keeps what a node showed by graph and node.
  const clear = () => load({...EMPTY, id: crypto.randomUUID()});

  function create(type, index) {
    const node = LiteGraph.createNode(type);
    if (!node) throw new Error("the front end made nothing of it");
    node.pos = [(index % COLUMNS) * WIDTH, Math.floor(index / COLUMNS) * HEIGHT];
    app.graph.add(node);
    return node.id;
  }

  // [{id} or {error}]
  async function place(types) {
    await clear();
    return types.map((type, index) => {
      try { return {id: create(type, index)}; } catch (error) { return {error: error.message}; }
    });
  }

  // {id: {inputs: {name: [source id, output] or null}, outputs, widgets: {name: value}}}
  function state() {
    const wire = input => {
      const link = input.link == null ? null : app.graph.links[input.link];
      return link && [String(link.origin_id), link.origin_slot];
    };
    const one = node => ({
      inputs: (node.inputs || []).map(input => [input.name, wire(input)]),
      outputs: (node.outputs || []).map(output => output.type),
      widgets: (node.widgets || []).map(widget => [widget.name, widget.value]),
    });
    return Object.fromEntries(app.graph.nodes.map(node => [node.id, one(node)]));
  }

  function choose(id, name, value) {
    const widget = find(id).widgets[byName(find(id).widgets, name)];
    if (!widget) throw new Error(`no widget ${name}`);
    widget.value = value;
    widget.callback?.(value);
    if (widget.value !== value) throw new Error(`${name} is ${widget.value} instead of ${value}`);
  }

  function wire(id, name, [source, output]) {
    const slot = byName(find(id).inputs, name);
    if (slot < 0) throw new Error(`no socket ${name}`);
    if (!find(source).connect(output, find(id), slot)) throw new Error(`${name} refuses its wire`);
  }

  // steps: [id, "choose" or "wire", name, value] -> [[id, error]]
  function act(steps) {
    const failed = [];
    for (const [id, verb, name, value] of steps) {
      try { ({choose, wire})[verb](id, name, value); } catch (error) { failed.push([id, error.message]); }
    }
    return failed;
  }

  const reload = () => load({...app.graph.serialize(), id: crypto.randomUUID()});
  const prompt = async () => (await app.graphToPrompt()).output;

  // In the order of the names, for after a reload the front end has image_2 behind image_15, and loads only what is in order.
  async function loadPrompt() {
    const nodes = await prompt(), order = new Intl.Collator("en", {numeric: true}).compare;
    for (const node of Object.values(nodes)) {
      node.inputs = Object.fromEntries(Object.entries(node.inputs).sort(([a], [b]) => order(a, b)));
    }
    app.loadApiJson(nodes, "prompt");
  }

  // Nodes 2.0 draws nodes as elements, some frames later.
  const drawn = ids => ids.every(id => document.querySelector(`[data-node-id="${id}"]`));
  const broken = () => [...document.querySelectorAll("[data-node-id]")].filter(e => e.querySelector(".node-error")).map(e => e.dataset.nodeId);
  return {place, state, act, reload, prompt, loadPrompt, drawn, broken};
})();
