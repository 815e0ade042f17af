"""Several nodes of one Ray on this machine, each a raylet with its workers: ``python -m harness.cluster.nodes``."""

from __future__ import annotations

import argparse
import sys

from ray.cluster_utils import Cluster

OBJECT_STORE = 150 * 2**20


def main(arguments: list[str]) -> int:
    """Hold a head and nodes until the input ends; says the address, then the process of each node's raylet.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=2, help="besides the head, which takes no work")
    parser.add_argument("--cpus", type=int, default=2, help="of each")
    parser.add_argument("--odd", help="NAME=VALUE in the environment of the last one alone")
    options = parser.parse_args(arguments)
    head = {"num_cpus": 0, "include_dashboard": False, "include_log_monitor": False}
    cluster = Cluster(initialize_head=True, head_node_args=head | {"object_store_memory": OBJECT_STORE})
    each = {"num_cpus": options.cpus, "object_store_memory": OBJECT_STORE}
    last = {"env_vars": dict([options.odd.split("=", 1)])} if options.odd else {}
    nodes = [cluster.add_node(**each, **(last if k == options.nodes - 1 else {})) for k in range(options.nodes)]
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    print(cluster.address, *raylets, flush=True)
    sys.stdin.read()
    cluster.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
