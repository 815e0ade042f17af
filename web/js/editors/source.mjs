// Which file the frames of a node come from, found by following wires, before anything has run.

const LOADERS = ["file", "video", "image"];
const PICTURES = /\.(png|jpe?g|webp|gif|bmp|avif)$/i;
const VIDEOS = /\.(mp4|m4v|mov|webm|mkv)$/i;
const FRAMES = /IMAGE|VIDEO|MASK|^\*$/;
const FAR = 24;

const named = (list, name) => (list ?? []).find(one => one.name === name);

const linkOf = (graph, id) => graph?.getLink?.(id) ?? graph?.links?.[id];

/** {node, slot} that feeds an input; null without a wire. Inside of a subgraph also what feeds the subgraph. */
function origin(app, node, input) {
  const link = input?.link == null ? null : linkOf(node.graph, input.link);
  if (!link) return null;
  const from = node.graph.getNodeById(link.origin_id);
  if (from) return { node: from, slot: link.origin_slot };
  const around = (app.rootGraph ?? app.graph).nodes?.find(one => one.subgraph === node.graph);
  return around ? origin(app, around, around.inputs?.[link.origin_slot]) : null;
}

/** The files behind an input: {url, kind: "still" or "video"}, or {urls, kind: "stills"} of the last run; or null. */
export function sourceBehind(app, node, inputName) {
  let at = origin(app, node, named(node.inputs, inputName));
  for (let step = 0; at && step < FAR; step++) {
    const found = loaded(app, at.node) ?? ran(app, at.node) ?? ranBeside(app, at);
    if (found) return found;
    const next = (at.node.inputs ?? []).find(input => input.link != null && FRAMES.test(String(input.type)));
    at = origin(app, at.node, next);
  }
  return null;
}

/** The same for a node that takes no frames itself: what the nodes behind it take. */
export function sourceAhead(app, node, inputNames) {
  let nodes = [node];
  for (let step = 0; nodes.length && step < 4; step++) {
    const ahead = nodes.flatMap(one => targets(one));
    for (const target of ahead)
      for (const name of inputNames) {
        const found = sourceBehind(app, target, name);
        if (found) return found;
      }
    nodes = ahead;
  }
  return null;
}

function targets(node) {
  const links = (node.outputs ?? []).flatMap(output => output.links ?? []);
  return links
    .map(id => linkOf(node.graph, id))
    .map(link => link && node.graph.getNodeById(link.target_id))
    .filter(Boolean);
}

function loaded(app, node) {
  if ((node.inputs ?? []).some(input => input.link != null && FRAMES.test(String(input.type)))) return null;
  for (const name of LOADERS) {
    const value = named(node.widgets, name)?.value;
    if (typeof value !== "string") continue;
    const [, path, type] = /^(.*?)(?: \[(input|output|temp)\])?$/.exec(value);
    const file = described(app, path.replace(/^.*\//, ""), path.replace(/[^/]*$/, "").replace(/\/$/, ""), type ?? "input");
    if (file) return file;
  }
  return null;
}

/** What a node showed when it last ran. Outputs are kept by number, so another workflow's may be there: only of those that show. */
function ran(app, node) {
  if (!node.constructor?.nodeData?.output_node) return null;
  const outputs = app.nodeOutputs ?? {};
  const shown = outputs[String(node.id)] ?? outputs[`${node.graph?.id}:${node.id}`];
  const files = (shown?.images ?? shown?.gifs ?? shown?.video ?? []).filter(file => file?.filename);
  if (!files.length) return null;
  const all = files.map(file => described(app, file.filename, file.subfolder ?? "", file.type ?? "output")).filter(Boolean);
  if (all.length > 1 && all.every(file => file.kind === "still")) return { kind: "stills", urls: all.map(file => file.url) };
  return all[0] ?? null;
}

/** A preview on the same output shows the same frames. */
function ranBeside(app, { node, slot }) {
  for (const id of node.outputs?.[slot]?.links ?? []) {
    const link = linkOf(node.graph, id);
    const beside = link && node.graph.getNodeById(link.target_id);
    const shows = beside && !String(beside.comfyClass).startsWith("Vace") && ran(app, beside);
    if (shows) return shows;
  }
  return null;
}

function described(app, filename, subfolder, type) {
  const kind = VIDEOS.test(filename) ? "video" : PICTURES.test(filename) ? "still" : null;
  const query = new URLSearchParams({ filename, subfolder, type });
  return kind && { kind, url: app.api.apiURL(`/view?${query}`), name: filename };
}
