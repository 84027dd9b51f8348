"""Every benchmark in one run on one machine: its limits, the core, the library, the server, and
what snapshots cost.

`./dev bench` calls it. Tables go to the terminal as they come, and all results to a JSON file; with
--write-docs the report is written from it (report.py).
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import report

PARTS = ["core", "serializers", "storage", "library", "server", "snapshots"]
HERE = pathlib.Path(__file__).resolve().parent


def say(text):
    print(f"\n== {text}", flush=True)


def output_of(command):
    """Runs a program, whose tables go to the terminal, and gives what it printed as JSON."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {pathlib.Path(command[0]).name} ended with {done.returncode}")
    return json.loads(done.stdout)


def core_results(binaries, quick):
    """Cost of the core alone, through Google Benchmark."""
    seconds = "0.2" if quick else "1"
    raw = output_of([binaries / "core_bench", "--benchmark_format=json",
                     f"--benchmark_min_time={seconds}"])
    results = [{"name": b["name"], "cpu_ns_per_item": 1e9 / b["items_per_second"]}
               for b in raw["benchmarks"]]
    for r in results:
        print(f"  {r['name']:<44} {r['cpu_ns_per_item']:>10.0f} ns of CPU an item")
    return results


def serializer_results(binaries, quick):
    """Size and CPU time of every message in every form, through Google Benchmark."""
    seconds = "0.02" if quick else "0.1"
    raw = output_of([binaries / "serializer_bench", "--benchmark_format=json",
                     f"--benchmark_min_time={seconds}"])
    found = {}
    for b in raw["benchmarks"]:
        serializer, message, way = b["name"].split("/")
        one = found.setdefault((message, serializer),
                               {"message": message, "serializer": serializer,
                                "bytes": round(b["bytes"])})
        one[f"{way}_ns"] = b["cpu_time"]
    for one in found.values():
        print(f"  {one['message']:<42} {one['serializer']:<9} {one['bytes']:>7,} bytes,"
              f" encode {one['encode_ns']:>9,.0f} ns, decode {one['decode_ns']:>9,.0f} ns")
    return list(found.values())


def storage_results(binaries, directory, quick):
    """The persistence engines side by side, each alone."""
    fewer = ["--appends", "300", "--entries", "50000"] if quick else []
    found = output_of([binaries / "storage_bench", "--directory",
                       pathlib.Path(directory) / "storage_bench.data", *fewer])
    for one in found:
        many = ", ".join(f"{m['bytes']} bytes {m['per_second']:,.0f} a second"
                         for m in one["many"])
        print(f"  {one['engine']:<8} p50 {one['p50_us']:>7,.1f} us, p99 {one['p99_us']:>7,.1f} us,"
              f" {many}")
    return found


def machine():
    """What the figures belong to."""
    model = next((line.partition(":")[2].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines()
                  if line.startswith("model name")), "unknown")
    commit = subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"],
                            stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    cores = subprocess.run(["nproc"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return {"processor": model, "cores": int(cores), "kernel": platform.release(),
            "date": datetime.date.today().isoformat(), "commit": commit,
            "load_before": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="build/release/bin", help="where the programs are")
    parser.add_argument("--directory", default="build", help="on the disk to measure")
    parser.add_argument("--quick", action="store_true", help="under a minute, coarser")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--results", default="build/bench.json", help="where all results go")
    parser.add_argument("--write-docs", action="store_true", help="renew docs/performance.md")
    options = parser.parse_args()
    binaries = pathlib.Path(options.bin)
    wanted = options.only or PARTS
    length = ["--quick"] if options.quick else ["--seconds", str(options.seconds)]

    results = {"machine": machine()}
    say("limits of this machine")
    results["limits"] = output_of([binaries / "bench_limits", "--json", "--directory",
                                   options.directory])
    print(report.limits_text(results["limits"]))
    if "core" in wanted:
        say("the core alone, three replicas in one thread")
        results["core"] = core_results(binaries, options.quick)
    if "serializers" in wanted:
        say("the serializers, each message in each form")
        results["serializers"] = serializer_results(binaries, options.quick)
    if "storage" in wanted:
        say("the persistence engines, each alone")
        results["storage"] = storage_results(binaries, options.directory, options.quick)
        results["storage_commit"] = results["machine"]["commit"]
    if "library" in wanted:
        say("the library, three durable processes, proposer in the leader's")
        results["library"] = output_of([binaries / "bench_cluster", "--json", "--directory",
                                        options.directory, *length])
    if "server" in wanted:
        say("the server, three durable processes, clients over RESP")
        results["server"] = output_of([sys.executable, HERE / "server.py", "--json", "--bin",
                                       binaries, "--directory", options.directory, *length])
    if "snapshots" in wanted:
        say("snapshots, three durable processes with much state")
        shorter = ["--quick"] if options.quick else []
        results["snapshots"] = output_of([sys.executable, HERE / "snapshots.py", "--json", "--bin",
                                          binaries, "--directory", options.directory, *shorter])
        results["snapshots"]["commit"] = results["machine"]["commit"]
    pathlib.Path(options.results).write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"\nresults: {options.results}")
    if options.write_docs:
        report.write(results, HERE.parent / "docs")


if __name__ == "__main__":
    main()
