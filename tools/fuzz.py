"""Runs every libFuzzer target of a build for a while, each on its corpus.

It adds nothing to the corpora: findings of a run go to a scratch folder, and an input that breaks
a target is kept beside the build for a named regression.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

MEMORY_LIMIT_MB = 2048


def run_target(target, corpus, seconds, artifacts):
    """Fuzzes one target; True when nothing broke."""
    artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            str(target), f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_LIMIT_MB}",
            "-timeout=10", f"-artifact_prefix={artifacts}/", "-print_final_stats=1", scratch]
        if corpus.is_dir():
            command.append(str(corpus))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False)
    runs = [line.split()[-1] for line in done.stdout.splitlines()
            if line.startswith("stat::number_of_executed_units")]
    if done.returncode != 0:
        print(done.stdout)
        print(f"{target.name}: BROKEN, the input is in {artifacts}")
        return False
    print(f"{target.name}: {runs[0] if runs else '?'} executions in {seconds} s, nothing broke")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--corpus", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=10)
    arguments = parser.parse_args()
    targets = sorted(arguments.bin.glob("fuzz_*"))
    if not targets:
        sys.exit(f"no fuzz targets in {arguments.bin}")
    broken = [target.name for target in targets
              if not run_target(target, arguments.corpus / target.name.removeprefix("fuzz_"),
                                arguments.seconds, arguments.bin.parent / "artifacts")]
    sys.exit(f"broken: {', '.join(broken)}" if broken else 0)


if __name__ == "__main__":
    main()
