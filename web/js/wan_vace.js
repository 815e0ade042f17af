// The pack's wire colours, its editors, and error sentences where the user looks: in a toast.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { calm } from "./calm.mjs";
import { attach } from "./editors/attach.mjs";
import { keepSizes } from "./editors/steps.mjs";
import { FileOffers } from "./files.mjs";
import { addShowButton } from "./preview.mjs";

const COLOURS = {
  VACE_VCU: "#ff8a3d",
  VACE_LONG_VCU: "#d9601a",
  VACE_CONTEXT: "#c77dff",
  VACE_REFERENCE: "#4cc9a0",
  VACE_ADAPTER: "#7aa2ff",
  VACE_CROP: "#ffd166",
};

function colourNewNodes() {
  const rules = Object.entries(COLOURS).map(([type, colour]) => `--color-datatype-${type}:${colour}`);
  const style = document.createElement("style");
  style.textContent = `:root{${rules.join(";")}}`;
  document.head.append(style);
}

function colourClassicNodes() {
  // Palettes load later and reset every type they do not know, so the colour is an accessor and not a value.
  const maps = [app.canvas.default_connection_color_byType, window.LGraphCanvas?.link_type_colors];
  for (const map of maps.filter(Boolean))
    for (const [type, colour] of Object.entries(COLOURS))
      Object.defineProperty(map, type, { get: () => colour, set() {}, enumerable: true, configurable: true });
}

function toast(detail, severity = "error") {
  app.extensionManager.toast.add({ severity, summary: "Wan VACE", detail, life: 12000 });
}

const offers = new FileOffers(app);

app.registerExtension({
  name: "wan_vace.look",
  nodeCreated(node) {
    attach(app, node);
    calm(node);
    addShowButton(app, node);
    if (node.comfyClass?.startsWith("Vace")) keepSizes(app, node);
  },
  afterConfigureGraph: () => offers.afterLoad(),
  setup() {
    colourNewNodes();
    colourClassicNodes();
    api.addEventListener("execution_error", ({ detail }) => {
      if (detail.exception_type?.endsWith("VaceInputError")) toast(detail.exception_message.trim());
    });
  },
});
