"""Runs clang-tidy over translation units, several at a time, and says which ones it faults.

Without files it takes every .cpp of the library and the programs that the build compiles; tests
and benchmarks are held by the other checks.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import time

import cpp_source

_FINDING = re.compile(r"^(?=\S+:\d+:\d+: (?:error|warning):)", re.MULTILINE)
LINTED = ("mainstay/", "server/", "cli/", "examples/", "sim/")


def compiled_files(build):
    """The project's linted sources that the build compiles, relative to the root, sorted."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {pathlib.Path(entry["file"]) for entry in commands}
    inside = {str(path.relative_to(cpp_source.ROOT)) for path in paths
              if path.is_relative_to(cpp_source.ROOT)}
    return sorted(name for name in inside if name.startswith(LINTED))


def lint(build, name):
    """(file, seconds, what clang-tidy found)."""
    started = time.monotonic()
    done = subprocess.run(
        ["clang-tidy-19", "-p", str(build), "--quiet", str(cpp_source.ROOT / name)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    found = done.stdout if done.returncode != 0 else ""
    if done.returncode != 0 and not found.strip():
        found = done.stderr
    return name, time.monotonic() - started, found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--times", action="store_true", help="say what each file took")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    names = arguments.files or compiled_files(arguments.build)
    faulted, seen = 0, set()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for name, seconds, found in pool.map(lambda n: lint(arguments.build, n), names):
            if arguments.times:
                print(f"{seconds:6.1f} s  {name}")
            if found:
                faulted += 1
                # What a header is faulted for comes with every file that includes it.
                fresh = [part for part in _FINDING.split(found) if part not in seen]
                seen.update(fresh)
                print(f"{name}:\n" + "".join(fresh))
    print(f"lint: {len(names)} files" + (f", {faulted} faulted" if faulted else ", in order"))
    return 1 if faulted else 0


if __name__ == "__main__":
    sys.exit(main())
