// Files dropped on a strip: they go to the host's input folder, and a loader of its own is wired to the node.
import { say } from "../texts.mjs";

const LOADERS = { image: ["LoadImage", "image"], video: ["LoadVideo", "file"] };
const LEFT = 320; // of the node, in pixels of the graph
const BELOW = 380;

const kindOf = file => (LOADERS[file.type.split("/")[0]] ? file.type.split("/")[0] : null);

/** Let files be dropped on a panel's stage. `take(name, x)` gives, for a file's place on the stage, the input it goes to. */
export function acceptFiles(panel, take) {
  const isFile = event => event.dataTransfer?.types?.includes("Files");
  const keep = event => {
    if (!isFile(event)) return false;
    event.preventDefault();
    event.stopPropagation(); // else the host opens it as a workflow
    return true;
  };
  panel.stage.addEventListener("dragover", event => keep(event) && panel.stage.classList.add("drop"));
  panel.stage.addEventListener("dragleave", () => panel.stage.classList.remove("drop"));
  panel.stage.addEventListener("drop", event => {
    panel.stage.classList.remove("drop");
    if (keep(event)) dropped(panel, [...event.dataTransfer.files], event, take);
  });
}

async function dropped(panel, files, event, take) {
  const box = panel.stage.getBoundingClientRect(), x = ((event.clientX - box.left) * panel.stage.clientWidth) / (box.width || 1);
  const usable = files.filter(kindOf);
  if (!usable.length) return panel.notice(say("notAClip"));
  try {
    const names = await Promise.all(usable.map(file => upload(panel.app, file)));
    await take(names.map((name, i) => ({ name, kind: kindOf(usable[i]) })), x);
    panel.commit();
  } catch (error) {
    panel.notice(say("notUploaded", { why: error.message }));
  }
}

/** The file's name in the input folder; the host gives another where one of that name is there already. */
async function upload(app, file) {
  const body = new FormData();
  body.append("image", file);
  const answer = await app.api.fetchApi("/upload/image", { method: "POST", body });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.statusText}`);
  const { name, subfolder } = await answer.json();
  return subfolder ? `${subfolder}/${name}` : name;
}

/** Wire a loader of a file to an input; the `count`th of several stands below the others. */
export function load({ node }, { name, kind }, inputName, count = 0) {
  const [type, field] = LOADERS[kind];
  const loader = globalThis.LiteGraph.createNode(type);
  const widget = loader.widgets.find(one => one.name === field);
  const choices = widget.options?.values;
  if (Array.isArray(choices) && !choices.includes(name)) choices.push(name);
  loader.pos = [node.pos[0] - LEFT, node.pos[1] + count * BELOW];
  node.graph.add(loader);
  widget.value = name;
  widget.callback?.(name);
  loader.connect(0, node, node.inputs.findIndex(input => input.name === inputName));
}
