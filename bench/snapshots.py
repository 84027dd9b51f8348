"""What snapshots cost and how fast they travel: three mainstayd on this machine with much state.

Fills the cluster, then measures SET throughput without and with snapshots being saved, a transfer
to a follower that was away, a restart with a long log behind the snapshot, and SET throughput while
a learner is added that needs the whole state. It leaves nothing behind.
"""

import argparse
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import cluster  # noqa: E402  (the path comes first)
import server  # noqa: E402
import telling  # noqa: E402

PARTS = ["save", "transfer", "restart", "learner"]
NEVER = ["--snapshot-entries", "0", "--snapshot-bytes", "0"]


def scratch(options):
    """A folder on the disk to measure, gone in the end."""
    return tempfile.TemporaryDirectory(prefix="mainstay-bench-", dir=options.directory)


def save(node):
    """Has a node save a snapshot; its answer, and how long it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=600)
    connection.request("POST", "/v1/snapshot")
    reply = connection.getresponse()
    body = json.loads(reply.read())
    connection.close()
    if reply.status != 200:
        raise cluster.Failed(f"snapshot: {body}")
    return body, time.monotonic() - began


def fill(options, leader):
    """Writes the keys, at random, until nearly all are there."""
    print(f"  filling {options.keys} keys of {options.size} bytes…", file=sys.stderr, flush=True)
    subprocess.run(["redis-benchmark", "-p", str(leader.resp_port), "-t", "set", "-P", "16", "-c",
                    "50", "-n", str(3 * options.keys), "-r", str(options.keys), "-d",
                    str(options.size), "-q"], stdout=subprocess.DEVNULL, check=True, timeout=600)


def load(options, leader, seconds):
    """Throughput of SET with 256 outstanding, over keys all over the table."""
    report = server.ctl_bench(
        options.ctl, [leader],
        ["--ops", "set", "--outstanding", "256", "--connections", "4", "--size", "128", "--keys",
         "100000", "--seconds", str(seconds), "--warmup", "0.5"])
    return report["per_second"], report["latency_us"]["p99.9"]


def under_load(options, leader, tell):
    """Writes with and without snapshots being saved, one after the other."""
    term = leader.status()["term"]
    alone, usual = load(options, leader, options.seconds)
    saved = []
    measured = threading.Event()

    def save_again_and_again():
        while not measured.is_set():
            saved.append(save(leader))

    saver = threading.Thread(target=save_again_and_again)
    saver.start()
    during, worst = load(options, leader, options.seconds)
    measured.set()
    saver.join()
    took = sum(seconds for _, seconds in saved) / len(saved)
    after = leader.status()
    tell({"name": "save", "image_mib": saved[0][0]["bytes"] / 2**20, "snapshots": len(saved),
          "seconds_each": took, "without_per_second": alone, "with_per_second": during,
          "kept": during / alone, "without_p99.9_us": usual, "with_p99.9_us": worst,
          "leader_changes": after["term"] - term})


def transfer(options, leader, behind, tell):
    """A follower whose log is too far behind gets the whole state."""
    behind.kill()
    load(options, leader, 3)
    image, _ = save(leader)
    behind.start()
    cluster.wait_until(lambda: any(m.get("snapshot", {}).get("sent")
                                   for m in leader.status()["members"]), 60,
                       "no snapshot is sent", pause=0.002)
    began = time.monotonic()
    cluster.wait_until(lambda: not any(m.get("snapshot") for m in leader.status()["members"]), 300,
                       "the snapshot does not arrive", pause=0.005)
    took = time.monotonic() - began
    cluster.wait_until(lambda: (s := behind.status())
                       and s["applied_index"] >= image["last_included_index"], 120,
                       "the follower does not take it", pause=0.01)
    whole = time.monotonic() - began
    tell({"name": "transfer", "image_mib": image["bytes"] / 2**20, "seconds": took,
          "mb_per_second": image["bytes"] / 1e6 / took, "until_applied_seconds": whole})


def restart(options, tell):
    """A node starts with a million entries of 128 bytes behind its snapshot."""
    with scratch(options) as place, \
            cluster.Cluster(options.mainstayd, place, options=NEVER) as servers:
        leader = servers.start()
        server.ctl_bench(options.ctl, [leader],
                         ["--ops", "set", "--outstanding", "1000", "--size", "128", "--keys",
                          "100000", "--requests", str(options.entries), "--warmup", "0"])
        servers.wait_until_caught_up(60)
        behind = next(node for node in servers.nodes if node is not leader)
        behind.kill()
        began = time.monotonic()
        behind.start()
        cluster.wait_until(behind.status, 60, "the node does not come back", pause=0.005)
        serving = time.monotonic() - began
        last = leader.status()["last_index"]
        cluster.wait_until(lambda: behind.status()["applied_index"] >= last, 60,
                           "the node does not catch up", pause=0.005)
        tell({"name": "restart", "entries": options.entries, "seconds_until_it_answers": serving,
              "seconds_until_all_is_applied": time.monotonic() - began})


def address(node):
    return f"{node.id}=127.0.0.1:{node.raft_port}"


def start_with(servers, node, members, *more):
    """Starts a node with a list of members of its own."""
    command = servers.command(node)
    command[command.index("--cluster") + 1] = ",".join(map(address, members))
    node.start_as([*command, *more])


def add_learner(options, leader, newcomer):
    """Has a running node taken in, and waits until it has nearly everything."""
    subprocess.run([options.ctl, "--admin", f"127.0.0.1:{leader.http_port}", "--timeout", "60000",
                    "member", "add", address(newcomer), "--learner"], stdout=subprocess.DEVNULL,
                   check=True, timeout=90)
    cluster.wait_until(lambda: (s := newcomer.status()) and s["applied_index"]
                       >= leader.status()["applied_index"] - 50_000, 120,
                       "the learner does not catch up", pause=0.05)


def learner(options, tell):
    """Writes while a fourth node is added that needs the whole state, and with it."""
    with scratch(options) as place, \
            cluster.Cluster(options.mainstayd, place, size=4,
                            options=[*NEVER, "--cluster-id", "9"]) as servers:
        *voters, newcomer = servers.nodes
        for node in voters:
            start_with(servers, node, voters)
        leader = servers.wait_for_leader(20)
        fill(options, leader)
        servers.wait_until_caught_up(120)
        start_with(servers, newcomer, servers.nodes, "--learner")
        cluster.wait_until(newcomer.status, 20, "the newcomer does not come up")
        alone, _ = load(options, leader, options.seconds)
        image, _ = save(leader)
        term = leader.status()["term"]
        began = time.monotonic()
        caught_up = []

        def add_and_watch():
            add_learner(options, leader, newcomer)
            caught_up.append(time.monotonic() - began)

        adding = threading.Thread(target=add_and_watch)
        adding.start()
        during, worst = load(options, leader, options.seconds)
        adding.join()
        after, _ = load(options, leader, options.seconds)
        tell({"name": "learner", "image_mib": image["bytes"] / 2**20,
              "seconds_until_caught_up": caught_up[0], "without_per_second": alone,
              "with_per_second": during, "kept": during / alone, "with_p99.9_us": worst,
              "four_per_second": after, "leader_changes": leader.status()["term"] - term})


def run(options, tell):
    """All measurements, told as they come."""
    wanted = options.only or PARTS
    if {"save", "transfer"} & set(wanted):
        with scratch(options) as place, \
                cluster.Cluster(options.mainstayd, place, options=NEVER) as servers:
            leader = servers.start()
            fill(options, leader)
            servers.wait_until_caught_up(120)
            if "save" in wanted:
                under_load(options, leader, tell)
            if "transfer" in wanted:
                behind = next(node for node in servers.nodes if node is not leader)
                transfer(options, leader, behind, tell)
    if "restart" in wanted:
        restart(options, tell)
    if "learner" in wanted:
        learner(options, tell)


def line_of(measured):
    """A measurement for a terminal."""
    figures = ", ".join(f"{key} {value:,.2f}" if isinstance(value, float) else f"{key} {value}"
                        for key, value in measured.items() if key != "name")
    return f"  {measured['name']}: {figures}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="build/release/bin", help="where the programs are")
    parser.add_argument("--directory", default="build", help="on the disk to measure")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=1024, help="bytes of a value")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the restart")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the state")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.ctl = str(pathlib.Path(options.bin, "mainstayctl"))
    options.mainstayd = str(pathlib.Path(options.bin, "mainstayd"))
    if options.quick:
        options.keys, options.entries, options.seconds = 10_000, 100_000, 2

    telling.run(options, run, line_of)


if __name__ == "__main__":
    main()
