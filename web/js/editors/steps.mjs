// Steps of undo. The host keeps what changed since the last one when a key or a button of the mouse is let go.
import { chain } from "../calm.mjs";

const FRAMES = 8; // in which the layout comes to rest

const trackerOf = app => app.extensionManager?.workflow?.activeWorkflow?.changeTracker;

/** Whether the graph on the screen is not yet the one that the host knows of. */
const isLoading = tracker => Boolean(tracker._restoringState || tracker.constructor.isLoadingGraph);

export class Steps {
  constructor(app, node) {
    Object.assign(this, { app, node, left: 0 });
  }

  /** End a step here. */
  keep() {
    const tracker = trackerOf(this.app);
    this.keepSize(tracker);
    if (tracker?.captureCanvasState) tracker.captureCanvasState();
    else tracker?.checkState?.();
    this.rest();
  }

  /** Nodes 2.0 sizes a node some frames after a change. That belongs to the change, else an undo would take back the size alone. */
  rest() {
    const waits = this.left > 0;
    this.left = FRAMES;
    if (!waits) requestAnimationFrame(() => this.look());
  }

  look() {
    const tracker = trackerOf(this.app);
    if (!this.node.graph || !tracker) return void (this.left = 0);
    if (!isLoading(tracker)) {
      this.keepSize(tracker);
      this.left--;
    }
    if (this.left > 0) requestAnimationFrame(() => this.look());
  }

  keepSize(tracker) {
    const kept = this.node.graph && tracker && this.kept(tracker.activeState);
    if (kept && withoutSize(kept) === withoutSize(this.node.serialize())) kept.size = Array.from(this.node.size);
  }

  /** The node as the host kept it last. */
  kept(state) {
    const { graph, id } = this.node, root = this.app.rootGraph ?? this.app.graph;
    if (!state || state.id !== root.id) return null;
    const nodes = graph === root ? state.nodes : state.definitions?.subgraphs?.find(one => one.id === graph.id)?.nodes;
    return nodes?.find(one => String(one.id) === String(id));
  }
}

/** Fields that come and go with a choice change the size of their node: in the step of the choice, and of its undo. */
export function keepSizes(app, node) {
  const steps = new Steps(app, node), known = new WeakSet(); // a dynamic combo makes fields anew
  const follow = () => {
    for (const widget of node.widgets ?? []) if (!known.has(widget)) known.add(widget), chain(widget, "callback", settle);
  };
  const settle = () => (follow(), steps.rest());
  chain(node, "onConfigure", settle);
  follow();
}

const withoutSize = node => JSON.stringify({ ...node, size: null });
