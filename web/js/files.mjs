// Files that annotators need. The host offers a missing one for download where the value of a combo names it, so each
// annotator gets one that nobody sees, with which nothing is run or saved; the addresses lie in the node's properties.
import { chain } from "./calm.mjs";

const ROUTE = "/wan_vace/annotator_files";
const PATIENCE = 2000; // ms; meanwhile the workflow is not open
const NAME = "wan_vace_file";
const ANNOTATORS = /^Vace(Annotate(Depth|Flow|Lineart|Pose)|MaskSubject)$/;
const WITHOUT_FILES = /^(connected depth|dis|connected model|local contrast|grabcut|blazepose|selfie)$/; // these methods

const nodesOf = root => [root, ...(root.subgraphs?.values() ?? [])].flatMap(graph => graph.nodes ?? []);
const methodOf = node => node.widgets?.find(one => one.name === "method");
const isRestored = app => Boolean(app.extensionManager?.workflow?.activeWorkflow?.changeTracker?._restoringState);

/** Offers the files of annotators; what the host said of them is kept, as an undo must wait for nothing. */
export class FileOffers {
  constructor(app) {
    this.app = app;
    this.needed = null;
    this.followed = new WeakSet();
  }

  /** Name the files of all annotators in a graph that was just loaded, before the host looks for missing ones. */
  async afterLoad() {
    const nodes = nodesOf(this.app.rootGraph ?? this.app.graph).filter(node => ANNOTATORS.test(node.comfyClass));
    // What an undo or redo brings back is as it was: another address in it would be a step, and the end of all redo.
    if (isRestored(this.app)) return nodes.filter(node => node.properties?.models).forEach(node => this.follow(node));
    const asking = nodes.filter(node => !WITHOUT_FILES.test(methodOf(node)?.value));
    if (asking.length) this.needed = (await ask(this.app.api)) ?? this.needed;
    for (const node of nodes) {
      if (asking.includes(node) && !this.needed) continue;
      keepAddresses(node, this.filesOf(node));
      this.follow(node);
    }
  }

  /** Name the files of a node's method, and those of each that is chosen later: in the same step as the choice. */
  follow(node) {
    showNames(node, this.filesOf(node));
    const method = methodOf(node);
    if (method) chain(method, "callback", () => this.needed && this.choose(node));
  }

  choose(node) {
    const files = this.filesOf(node);
    showNames(node, files);
    keepAddresses(node, files);
  }

  filesOf = node => this.needed?.[node.comfyClass]?.[methodOf(node)?.value] ?? [];
}

const NO_ANSWER = ["TimeoutError", "AbortError", "TypeError"]; // too late, as older browsers call that, and no server

/** What the pack says of all files, or nothing if it does not say so in time. */
async function ask(api) {
  try {
    const answer = await api.fetchApi(ROUTE, { signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? await answer.json() : null;
  } catch (error) {
    if (!NO_ANSWER.includes(error.name)) throw error;
    return null;
  }
}

function showNames(node, files) {
  for (const one of (node.widgets ?? []).filter(one => one.name.startsWith(NAME))) node.removeWidget(one);
  files.forEach(({ name, here }, index) => node.addCustomWidget(unseen(`${NAME}_${index}`, name, here ? [name] : [])));
}

function keepAddresses(node, files) {
  const { models, ...others } = node.properties ?? {};
  const wanted = files.map(({ name, url, directory }) => ({ name, url, directory }));
  if (JSON.stringify(models ?? []) === JSON.stringify(wanted)) return;
  node.properties = wanted.length ? { ...others, models: wanted } : others;
}

function unseen(name, value, values) {
  const options = { values, hidden: true, serialize: false, socketless: true };
  return { type: "combo", name, value, options, hidden: true, serialize: false, y: 0, callback() {} };
}
