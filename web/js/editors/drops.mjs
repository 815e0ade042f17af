// Files dropped on a strip: they go to the host's input folder, and a loader of its own is wired to the node.
import { say } from "../texts.mjs";

const LOADERS = { image: ["LoadImage", "image"], video: ["LoadVideo", "file"] };
const LEFT = 320; // of the node, in pixels of the graph
const BELOW = 380;

const kindOf = file => (LOADERS[file.type.split("/")[0]] ? file.type.split("/")[0] : null);

/** Let files of some kinds, at most so many, be dropped on a panel's stage. `take(files, x)` wires them once they are uploaded. */
export function acceptFiles(panel, take, { kinds = Object.keys(LOADERS), most = Infinity } = {}) {
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
    if (keep(event)) dropped(panel, usableOf(panel, [...event.dataTransfer.files], kinds, most), event, take);
  });
}

/** Those that can be taken; the others are told. */
function usableOf(panel, files, kinds, most) {
  const usable = files.filter(file => kinds.includes(kindOf(file)));
  if (usable.length < files.length) panel.notice(say(kinds.includes("video") ? "notAClip" : "notAPicture"));
  if (usable.length > most) panel.notice(say("tooMany", { most, left: usable.slice(most).map(file => file.name).join(", ") }));
  return usable.slice(0, most);
}

async function dropped(panel, usable, event, take) {
  if (!usable.length) return;
  const box = panel.stage.getBoundingClientRect(), x = ((event.clientX - box.left) * panel.stage.clientWidth) / (box.width || 1);
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

/** Wire a loader of a file to an input; the `count`th of several stands below the others. Whether the host takes the wire. */
export function load(panel, { name, kind }, inputName, count = 0) {
  const { node } = panel, [type, field] = LOADERS[kind];
  const loader = globalThis.LiteGraph.createNode(type);
  const widget = loader.widgets.find(one => one.name === field);
  const choices = widget.options?.values;
  if (Array.isArray(choices) && !choices.includes(name)) choices.push(name);
  loader.pos = [node.pos[0] - LEFT, node.pos[1] + count * BELOW];
  node.graph.add(loader);
  widget.value = name;
  widget.callback?.(name);
  if (loader.connect(0, node, node.inputs.findIndex(input => input.name === inputName))) return true;
  node.graph.remove(loader);
  panel.notice(say("notWired", { name, input: inputName }));
  return false;
}
