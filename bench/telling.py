"""How the benchmarks of the server tell what they measure: a line each as it comes, and everything
as JSON at the end for whoever asked for that."""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import cluster  # noqa: E402  (the path comes first)


def run(options, measure, line_of, heading=None):
    """Calls `measure` with the options and with what it is to call for each measurement; `line_of`
    makes a line of one. Ends the program when a cluster does not do what it should."""
    to = sys.stderr if options.json else sys.stdout
    measurements = []

    def tell(measured):
        measurements.append(measured)
        print(line_of(measured), file=to, flush=True)

    if heading:
        print(heading, file=to, flush=True)
    try:
        measure(options, tell)
    except (cluster.Failed, subprocess.SubprocessError) as failure:
        sys.exit(f"{sys.argv[0]}: {failure}")
    if options.json:
        print(json.dumps({"measurements": measurements}))
