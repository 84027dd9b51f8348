"""The cluster of `./dev cluster`: three nodes in the foreground, until Ctrl-C.

Data lives in a scratch folder that is removed at the end.
"""

import argparse
import signal
import sys
import tempfile
import time

import cluster


def introduce(nodes, leader):
    """Says how to talk to the cluster."""
    print(f"three nodes serve; node {leader.id} leads. Any Redis client works on any of them:\n")
    for node in nodes.nodes:
        print(f"  node {node.id}   redis-cli -p {node.resp_port}   "
              f"curl -s http://127.0.0.1:{node.http_port}/v1/status   "
              f"data {node.directory}   pid {node.process.pid}")
    first = nodes.nodes[0]
    print(f"""
  redis-cli -p {first.resp_port} SET greeting hello
  redis-cli -p {nodes.nodes[-1].resp_port} GET greeting
  redis-benchmark -p {first.resp_port} -t set,get -n 100000 -P 16 -q
  curl -s http://127.0.0.1:{first.http_port}/metrics
  kill -9 {leader.process.pid}      # the leader; it is started again after five seconds

Ctrl-C ends all of it.""", flush=True)


def keep_running(nodes):
    """Starts again what was killed, after a while in which the others have to do without it."""
    while True:
        time.sleep(0.2)
        for node in nodes.nodes:
            if node.running:
                continue
            print(f"node {node.id} ended ({node.process.returncode}); starting it in 5 s",
                  flush=True)
            time.sleep(5)
            node.start()
            print(f"node {node.id} runs again, pid {node.process.pid}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mainstayd", required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="mainstay-cluster-") as directory, \
                cluster.Cluster(arguments.mainstayd, directory) as nodes:
            introduce(nodes, nodes.start())
            keep_running(nodes)
    except KeyboardInterrupt:
        print("\nstopped")
        return 0
    except cluster.Failed as failure:
        print(failure, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
