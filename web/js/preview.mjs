// The button of VACE Preview VCU that shows the VCU anew without sampling.
import { say } from "./texts.mjs";

const COMMAND = "Comfy.QueueSelectedOutputNodes"; // the host's own: of the chosen output nodes and what is before them

/** Give VACE Preview VCU its button; other nodes stay as they are. */
export function addShowButton(app, node) {
  if (node.comfyClass !== "VacePreviewVcu") return;
  const button = node.addWidget("button", "show", null, () => show(app, node), { serialize: false, socketless: true });
  button.serialize = false;
  button.label = say("show");
  button.tooltip = say("showTip");
}

function show(app, node) {
  app.canvas.deselectAll?.();
  app.canvas.selectNode(node);
  return app.extensionManager.command.execute(COMMAND);
}
