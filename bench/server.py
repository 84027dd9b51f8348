"""What three mainstayd on this machine do under load: mainstayctl bench and redis-benchmark.

It starts a cluster of its own in a directory below --directory, measures throughput and latency at
the client, and CPU time, flushes and memory of the servers from outside, and leaves nothing behind.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import cluster  # noqa: E402  (the path comes first)
import telling  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(nodes):
    """CPU time of the servers so far."""
    total = 0
    for node in nodes:
        fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text(encoding="ascii")
        after_name = fields.rpartition(")")[2].split()
        total += int(after_name[11]) + int(after_name[12])  # utime and stime
    return total / TICKS


def peak_memory_mib(nodes):
    """The most memory that one of the servers had resident since reset_peaks."""
    peaks = []
    for node in nodes:
        text = pathlib.Path(f"/proc/{node.process.pid}/status").read_text(encoding="ascii")
        peaks += [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")]
    return max(peaks) / 1024


def reset_peaks(nodes):
    """Forgets the peaks of memory so far."""
    for node in nodes:
        pathlib.Path(f"/proc/{node.process.pid}/clear_refs").write_text("5", encoding="ascii")


class Measured:
    """The servers' side of one run: use it as a context around the load."""

    def __init__(self, nodes):
        self._nodes = nodes
        self.cpu = 0.0
        self.peak = 0.0

    def __enter__(self):
        reset_peaks(self._nodes)
        self._before = cpu_seconds(self._nodes)
        return self

    def __exit__(self, *_):
        self.cpu = cpu_seconds(self._nodes) - self._before
        self.peak = peak_memory_mib(self._nodes)


def endpoints(nodes):
    return ",".join(f"127.0.0.1:{node.resp_port}" for node in nodes)


def ctl_bench(mainstayctl, targets, arguments):
    """One run of mainstayctl bench; its report."""
    done = subprocess.run([mainstayctl, "-e", endpoints(targets), "--json", "bench", *arguments],
                          stdout=subprocess.PIPE, text=True, check=False, timeout=300)
    if done.returncode not in (0, 7):  # 7: some requests failed, which the report tells
        raise cluster.Failed(f"mainstayctl bench ended with {done.returncode}: {done.stdout}")
    return json.loads(done.stdout)


def run_load(options, nodes, targets, case):
    """Warms up, then measures one case of CASES."""
    operation, outstanding, where = case
    common = ["--ops", operation, "--outstanding", str(outstanding), "--size", "16",
              "--connections", str(min(outstanding, options.connections)),
              "--keys", str(options.keys)]
    ctl_bench(options.ctl, targets, [*common, "--seconds", str(options.warmup), "--warmup", "0"])
    with Measured(nodes) as servers:
        report = ctl_bench(options.ctl, targets,
                           [*common, "--seconds", str(options.seconds), "--warmup", "0"])
    if report["missing"]:
        raise cluster.Failed(f"{report['missing']} of the keys read were not there")
    done = report["succeeded"] + report["failed"]
    latency = report["latency_us"]
    return {"tool": "mainstayctl", "operation": operation, "bytes": 16,
            "outstanding": outstanding, "asked": where,
            "per_second": report["per_second"], "p50_us": latency["p50"], "p99_us": latency["p99"],
            "p999_us": latency["p99.9"], "max_us": latency["max"],
            "failed": report["failed"] + report["lost"] + report["unanswered"],
            "cpu_us_per_operation": servers.cpu * 1e6 / max(done, 1),
            "generator_cpu_us_per_operation": report["generator_cpu_us_per_operation"],
            "peak_memory_mib": servers.peak}


def redis_benchmark(nodes, target, operation, options):
    """redis-benchmark with pipelines of 16 over 50 connections."""
    count = options.redis_requests
    with Measured(nodes) as servers:
        done = subprocess.run(
            ["redis-benchmark", "-p", str(target.resp_port), "-t", operation, "-n", str(count),
             "-P", "16", "-c", "50", "-d", "16", "-r", str(options.keys), "--csv"],
            stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    row = next(r for r in rows if r["test"].lower().startswith(operation))
    return {"tool": "redis-benchmark", "operation": operation, "bytes": 16, "outstanding": 800,
            "asked": "leader", "per_second": float(row["rps"]),
            "p50_us": float(row["p50_latency_ms"]) * 1e3,
            "p99_us": float(row["p99_latency_ms"]) * 1e3,
            "max_us": float(row["max_latency_ms"]) * 1e3, "failed": 0,
            "cpu_us_per_operation": servers.cpu * 1e6 / count, "peak_memory_mib": servers.peak}


def read_latency(nodes, leader, level, seconds):
    """One client at the leader that asks one question after the other."""
    took = []
    with Measured(nodes) as servers, leader.client() as client:
        client.call("MAINSTAY", "CONSISTENCY", level)
        end = time.monotonic() + seconds
        while not took or now < end:
            before = time.monotonic()
            client.call("GET", "x")
            now = time.monotonic()
            took.append((now - before) * 1e6)
    ordered = sorted(took)
    return {"tool": "one client", "operation": "get", "bytes": 16, "outstanding": 1,
            "asked": level[:6], "per_second": len(took) / seconds,
            "p50_us": ordered[len(took) // 2], "p99_us": ordered[len(took) * 99 // 100],
            "max_us": ordered[-1], "failed": 0,
            "cpu_us_per_operation": servers.cpu * 1e6 / len(took),
            "peak_memory_mib": servers.peak}


CASES = [("set", 1, "leader"), ("set", 256, "leader"), ("set", 1000, "leader"),
         ("set", 1000, "all"), ("get", 1, "leader"), ("get", 256, "leader"),
         ("get", 1000, "leader"), ("get", 256, "all"), ("mixed", 1000, "leader")]
QUICK_CASES = [("set", 1000, "leader"), ("get", 256, "leader")]


def header():
    return (f"  {'':<16}{'':<6} {'flight':>6} {'asked':<7}{'a second':>11} {'p50 us':>9} "
            f"{'p99 us':>9} {'CPU us':>7} {'peak MiB':>9}")


def row_of(m):
    failed = f"  {m['failed']} FAILED" if m["failed"] else ""
    return (f"  {m['tool']:<16}{m['operation']:<6} {m['outstanding']:>6} {m['asked']:<7}"
            f"{m['per_second']:>11.0f} {m['p50_us']:>9.1f} {m['p99_us']:>9.1f} "
            f"{m['cpu_us_per_operation']:>7.2f} {m['peak_memory_mib']:>9.1f}{failed}")


def run(options, tell):
    """All measurements, told as they come."""
    with tempfile.TemporaryDirectory(prefix="mainstay-bench-", dir=options.directory) as place, \
            cluster.Cluster(options.mainstayd, place, options=["--lease-reads"]) as servers:
        leader = servers.start()
        others = [node for node in servers.nodes if node is not leader]
        ctl_bench(options.ctl, [leader],
                  ["--fill", "--keys", str(options.keys), "--requests", "1000"])
        for case in QUICK_CASES if options.quick else CASES:
            targets = [leader] if case[2] == "leader" else [leader, *others]
            tell(run_load(options, servers.nodes, targets, case))
        for operation in ["set", "get"]:
            tell(redis_benchmark(servers.nodes, leader, operation, options))
        for level in ["linearizable", "lease", "stale"]:
            tell(read_latency(servers.nodes, leader, level, options.seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="build/release/bin", help="where the programs are")
    parser.add_argument("--directory", default=".", help="on the disk to measure")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--warmup", type=float, default=1)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--redis-requests", type=int, default=500_000)
    parser.add_argument("--quick", action="store_true", help="two cases, one second each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.ctl = str(pathlib.Path(options.bin, "mainstayctl"))
    options.mainstayd = str(pathlib.Path(options.bin, "mainstayd"))
    if options.quick:
        options.seconds, options.warmup, options.redis_requests = 1, 0.5, 100_000

    telling.run(options, run, row_of, header())


if __name__ == "__main__":
    main()
