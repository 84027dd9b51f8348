"""The tour of `./dev demo`: three nodes, a killed leader, and proof that nothing was lost.

It uses real servers, redis-cli, and a stream of writes that knows of each one what became of it.
It leaves neither processes nor files behind, however it ends.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time

import cluster
import resp
import write_stream

LOAD_SECONDS = 3.0  # before the kill, and again after it


class Narrator:
    """Prints what happens, with the time since the start."""

    def __init__(self):
        self._started = time.monotonic()

    def say(self, text):
        """One line of the story."""
        print(f"{time.monotonic() - self._started:6.2f} s  {text}", flush=True)


def redis_cli(say, node, *arguments):
    """Runs redis-cli against a node and shows both sides."""
    done = subprocess.run(["redis-cli", "-p", str(node.resp_port), *arguments],
                          stdout=subprocess.PIPE, check=True, text=True, timeout=10)
    answer = done.stdout.strip().replace("\n", " ")
    say(f"node {node.id}> redis-cli -p {node.resp_port} {' '.join(arguments)}   ->  {answer}")
    return answer


def tour(say, nodes, leader):
    """A write at one node is read at every other."""
    followers = [node for node in nodes.nodes if node is not leader]
    redis_cli(say, leader, "SET", "greeting", "hello")
    redis_cli(say, followers[0], "INCRBY", "answer", "42")
    for node in followers:
        if redis_cli(say, node, "GET", "greeting") != "hello":
            raise cluster.Failed(f"node {node.id} does not read what node {leader.id} wrote")


def fail_over(say, nodes, leader):
    """Kills the leader under load; (streams, silence, load times)."""
    streams = write_stream.start_streams(nodes, count=3, depth=32)
    started = time.monotonic()
    say("three streams of writes, one through each node, 32 outstanding each")
    time.sleep(LOAD_SECONDS)
    killed_at = time.monotonic()
    leader.kill()
    say(f"SIGKILL to the leader, node {leader.id}, in the middle of it")
    successor = nodes.wait_for_leader(10, besides=leader)
    say(f"node {successor.id} leads (term {successor.status()['term']})")
    time.sleep(LOAD_SECONDS)
    for stream in streams:
        stream.stop()
    ended = time.monotonic()
    silence = write_stream.longest_silence(streams, killed_at)
    return streams, silence, (killed_at - started, ended - started)


def check(say, nodes, streams):
    """Asks every running node for every write; the contradictions found."""
    nodes.wait_until_caught_up()
    found = []
    for node in nodes.nodes:
        if node.running:
            wrong = write_stream.differences(node, streams)
            say(f"node {node.id}: {wrong[0] if wrong else 'every acknowledged write is there'}")
            found += wrong
    return found


def report(streams, silence, spans, wrong):
    """The figures that it was about."""
    acknowledged = sum(len(s.acknowledged) for s in streams)
    before = sum(max((n for t, n in s.acknowledged_at if t <= s.acknowledged_at[0][0] + spans[0]),
                     default=0) for s in streams)
    lost = len({line.split("acknowledged ")[1].split(" ")[0] for line in wrong
                if "acknowledged " in line})
    refused = sum(len(s.refused) for s in streams)
    unknown = sum(len(s.unknown) for s in streams)
    print(f"""
  failover      {silence * 1000:8.0f} ms        from the kill to the next acknowledged write
  throughput    {before / spans[0]:8.0f} writes/s  before the kill, with this Python client
  acknowledged  {acknowledged:8d} writes
  refused       {refused:8d} writes    they certainly did not happen
  unknown       {unknown:8d} writes    their answers died with the leader
  lost          {lost:8d} writes
""", flush=True)


def run(arguments, say):
    """The whole story; the exit status."""
    with tempfile.TemporaryDirectory(prefix="mainstay-demo-") as scratch, \
            cluster.Cluster(arguments.mainstayd, scratch) as nodes:
        say("starting three nodes on loopback, with their logs on disk")
        leader = nodes.start()
        say(f"node {leader.id} leads (term {leader.status()['term']})")
        tour(say, nodes, leader)

        streams, silence, spans = fail_over(say, nodes, leader)
        wrong = check(say, nodes, streams)

        say(f"node {leader.id} restarts from its disk")
        leader.start()
        cluster.wait_until(leader.status, 20, f"node {leader.id} did not come back")
        wrong += check(say, nodes, streams)
        redis_cli(say, leader, "GET", "greeting")

        for node in nodes.nodes:
            if (status := node.stop()) != 0:
                wrong.append(f"node {node.id} ended with status {status} on SIGTERM")
        say("all nodes shut down cleanly" if not wrong else "something is wrong:")
        report(streams, silence, spans, wrong)
        for line in wrong[:20]:
            print(line)
        return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mainstayd", required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run(arguments, Narrator().say)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left behind")
        return 130
    except (cluster.Failed, resp.ConnectionLost, resp.ServerError,
            subprocess.SubprocessError) as failure:
        print(f"the demo failed: {failure}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
