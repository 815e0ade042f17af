// Files that annotators need. The host offers a missing one for download where the value of a combo names it, so each
// annotator gets one that nobody sees, with which nothing is run or saved; the addresses lie in the node's properties.

const ROUTE = "/wan_vace/annotator_files";
const NAME = "wan_vace_file";
const ANNOTATORS = /^Vace(Annotate(Depth|Flow|Lineart|Pose)|MaskSubject)$/;

const nodesOf = root => [root, ...(root.subgraphs?.values() ?? [])].flatMap(graph => graph.nodes ?? []);

/** Name the files of all annotators in a graph that was just loaded, before the host looks for missing ones. */
export async function nameFiles(app) {
  const nodes = nodesOf(app.rootGraph ?? app.graph).filter(node => ANNOTATORS.test(node.comfyClass));
  if (!nodes.length) return;
  const answer = await app.api.fetchApi(ROUTE);
  if (!answer.ok) return;
  const needed = await answer.json();
  for (const node of nodes) {
    const method = node.widgets?.find(one => one.name === "method")?.value;
    offer(node, needed[node.comfyClass]?.[method] ?? []);
  }
}

function offer(node, files) {
  for (const one of (node.widgets ?? []).filter(one => one.name.startsWith(NAME))) node.removeWidget(one);
  files.forEach(({ name, here }, index) => node.addCustomWidget(unseen(`${NAME}_${index}`, name, here ? [name] : [])));
  const { models, ...others } = node.properties ?? {};
  node.properties = files.length ? { ...others, models: files.map(({ name, url, directory }) => ({ name, url, directory })) } : others;
}

function unseen(name, value, values) {
  const options = { values, hidden: true, serialize: false, socketless: true };
  return { type: "combo", name, value, options, hidden: true, serialize: false, y: 0, callback() {} };
}
