"""Writes docs/performance.md and its picture from the results of run.py.

Everything in the tables is measured; sentences that do not depend on figures are in this file.
"""

import argparse
import json
import pathlib

OTHERS = """Others, measured on a machine of the same kind (two cores, three nodes as processes on
loopback, durable), 1,000 outstanding writes of 128 bytes: braft 173,000 a second at 9.6 µs of CPU
an operation, NuRaft with a file log 88,000 at 15.8 µs, hashicorp/raft 23,000 at 68 µs; etcd's
server 11,000 puts a second at 128 µs. Machines differ: compare ratios to F, not figures."""


def limits_text(limits):
    """The limits as lines for a terminal."""
    rows = [("write 4 KiB and fdatasync, prewritten space", limits["flush_alone"]),
            ("the same, three files at once", limits["flush_three"]),
            ("loopback round trip of 128 bytes", limits["round_trip"])]
    lines = [f"  {name:<44} p50 {m['p50_us']:>8.1f} us   p99 {m['p99_us']:>8.1f} us"
             for name, m in rows]
    lines.append(f"  {'F = round trip + flush of three':<44} p50 {limits['floor_us']:>8.1f} us")
    return "\n".join(lines)


def table(columns, rows):
    """A Markdown table; columns are (title, right-aligned?)."""
    lines = ["| " + " | ".join(title for title, _ in columns) + " |",
             "|" + "|".join("--:" if right else "---" for _, right in columns) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def micro(value):
    """Microseconds with a useful number of digits."""
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def limits_section(limits):
    rows = [("write of 4 KiB and fdatasync, prewritten space", limits["flush_alone"]),
            ("the same with three files at once", limits["flush_three"]),
            ("loopback round trip of 128 bytes", limits["round_trip"])]
    body = [[name, micro(m["p50_us"]), micro(m["p99_us"])] for name, m in rows]
    body.append(["**F** = round trip + flush of three", f"**{micro(limits['floor_us'])}**", ""])
    return table([("limit", False), ("p50 µs", True), ("p99 µs", True)], body)


def core_section(core):
    rows = [[f"`{c['name']}`", f"{c['cpu_ns_per_item']:,.0f}"] for c in core]
    return table([("benchmark", False), ("ns of CPU an entry or read, three replicas", True)], rows)


def serializers_section(serializers):
    """One row a message, and for each serializer its size and what writing and reading it cost."""
    names = list(dict.fromkeys(one["serializer"] for one in serializers))
    cells = {(one["message"], one["serializer"]): one for one in serializers}
    rows = []
    for message in dict.fromkeys(one["message"] for one in serializers):
        row = [message]
        for name in names:
            one = cells[message, name]
            row += [f"{one['bytes']:,}", f"{one['encode_ns']:,.0f} / {one['decode_ns']:,.0f}"]
        rows.append(row)
    columns = [("message", False)]
    for name in names:
        columns += [(f"{name}: bytes", True), ("ns to write / read", True)]
    return table(columns, rows)


def storage_section(engines):
    """One row an engine, each without anything above it."""
    columns = [("engine", False), ("p50 µs", True), ("p99 µs", True)]
    for m in engines[0]["many"]:
        columns += [(f"{m['bytes']} bytes: a second", True), ("CPU µs", True)]
    columns += [("on the disk", True), ("start", True)]
    rows = []
    for one in engines:
        row = [one["engine"], f"{one['p50_us']:,.1f}", f"{one['p99_us']:,.1f}"]
        for m in one["many"]:
            row += [f"{m['per_second']:,.0f}", f"{m['cpu_us']:.2f}"]
        is_durable = "start_ms" in one
        row += [f"{one['log_bytes'] / 2**20:,.0f} MiB" if is_durable else "",
                f"{one['start_ms']:,.0f} ms for {one['entries']:,} entries" if is_durable else ""]
        rows.append(row)
    return table(columns, rows)


def library_section(library):
    floor = library["limits"]["floor_us"]
    columns = [("", False), ("bytes", True), ("outstanding", True), ("a second", True),
               ("p50 µs", True), ("p50 / F", True), ("p99 µs", True), ("CPU µs an operation", True),
               ("flushes a second", True), ("peak MiB", True)]
    rows = [[m["operation"], str(m["bytes"]), f"{m['outstanding']:,}", f"{m['per_second']:,.0f}",
             micro(m["p50_us"]), f"{m['p50_us'] / floor:.2f}", micro(m["p99_us"]),
             f"{m['cpu_us_per_operation']:.2f}", f"{m['flushes_per_second']:,.0f}",
             f"{m['peak_memory_mib']:.0f}"] for m in library["measurements"]]
    return "\n".join([table(columns, rows), "", f"F of this run: {micro(floor)} µs.",
                      *failures_in(library["measurements"])])


def failures_in(measurements):
    """One line for each measurement of the library in which something failed."""
    return [f"\nFailed with {m['outstanding']:,} outstanding of {m['bytes']:,} bytes: "
            + ", ".join(f"{count:,} `{code}`" for code, count in m["failed"].items()) + "."
            for m in measurements if m["failed"]]


def server_section(server):
    columns = [("client", False), ("", False), ("outstanding", True), ("asked", False),
               ("a second", True), ("p50 µs", True), ("p99 µs", True),
               ("servers' CPU µs an operation", True), ("peak MiB", True)]
    rows = [[m["tool"], m["operation"].upper(), f"{m['outstanding']:,}", m["asked"],
             f"{m['per_second']:,.0f}", micro(m["p50_us"]), micro(m["p99_us"]),
             f"{m['cpu_us_per_operation']:.2f}", f"{m['peak_memory_mib']:.0f}"]
            for m in server["measurements"]]
    return table(columns, rows)


def percent(share):
    return f"{100 * share:,.0f} %"


def snapshot_rows(measured):
    """What a measurement of bench/snapshots.py says, as pairs."""
    m = measured
    size = f"{m['image_mib']:,.0f} MiB" if "image_mib" in m else ""
    if m["name"] == "save":
        return [(f"throughput kept while the leader saves {size} again and again "
                 f"({m['seconds_each']:.1f} s each)",
                 f"{percent(m['kept'])} ({m['without_per_second']:,.0f} → "
                 f"{m['with_per_second']:,.0f} a second)"),
                ("slowest in a thousand, without and with",
                 f"{m['without_p99.9_us'] / 1e3:.1f} ms, {m['with_p99.9_us'] / 1e3:.1f} ms"),
                ("changes of the leader meanwhile", str(m["leader_changes"]))]
    if m["name"] == "transfer":
        return [(f"transfer of {size} to a follower",
                 f"{m['mb_per_second']:,.0f} MB/s; in use after "
                 f"{m['until_applied_seconds']:.1f} s")]
    if m["name"] == "restart":
        return [(f"restart with {m['entries']:,} entries behind the snapshot",
                 f"answers after {m['seconds_until_it_answers']:.2f} s, has applied all after "
                 f"{m['seconds_until_all_is_applied']:.2f} s")]
    return [(f"throughput kept while a learner is added that needs {size} "
             f"(caught up after {m['seconds_until_caught_up']:.1f} s)",
             f"{percent(m['kept'])} ({m['without_per_second']:,.0f} → "
             f"{m['with_per_second']:,.0f} a second)"),
            ("with all four nodes on this machine, once it has caught up",
             f"{m['four_per_second']:,.0f} a second")]


def snapshots_section(snapshots):
    rows = [[what, figure] for m in snapshots["measurements"] for what, figure in snapshot_rows(m)]
    return table([("what", False), ("measured", False)], rows)


class Picture:
    """Two panels of lines over the number outstanding, drawn as SVG by hand."""

    WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT, GAP = 860, 340, 70, 50, 320, 220, 110
    COLOURS = ["#1b6ca8", "#d1495b", "#2e8b57", "#8d6a9f"]

    def __init__(self):
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{self.WIDTH}" height="{self.HEIGHT}" fill="white"/>']

    def _text(self, x, y, text, more=""):
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>')

    def _line(self, x1, y1, x2, y2, colour="#ddd"):
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                           f'stroke="{colour}"/>')

    def panel(self, number, title, ticks, series, label):
        """`ticks` are the x values in order, `series` maps names to lists of (x, y)."""
        left = self.LEFT + number * (self.PLOT_WIDTH + self.GAP)
        bottom = self.TOP + self.PLOT_HEIGHT
        highest = max(y for points in series.values() for _, y in points) * 1.1
        step = self.PLOT_WIDTH / max(len(ticks) - 1, 1)
        self._text(left, self.TOP - 20, title, 'font-size="14" font-weight="bold"')
        for i in range(5):
            y = bottom - self.PLOT_HEIGHT * i / 4
            self._line(left, y, left + self.PLOT_WIDTH, y)
            self._text(left - 8, y + 4, label(highest * i / 4), 'text-anchor="end" fill="#555"')
        for i, tick in enumerate(ticks):
            self._text(left + i * step, bottom + 18, f"{tick:,}",
                       'text-anchor="middle" fill="#555"')
        self._text(left + self.PLOT_WIDTH / 2, bottom + 36, "outstanding",
                   'text-anchor="middle" fill="#555"')
        for (name, points), colour in zip(series.items(), self.COLOURS):
            places = [(left + ticks.index(x) * step, bottom - self.PLOT_HEIGHT * y / highest)
                      for x, y in points]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                               'stroke-width="2"/>')
            self._parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                            for x, y in places]
        for i, (name, colour) in enumerate(zip(series, self.COLOURS)):
            self._text(left + i * 105, self.HEIGHT - 8, f"● {name}", f'fill="{colour}"')

    def svg(self):
        return "\n".join([*self._parts, "</svg>"]) + "\n"


def thousands(value):
    return f"{value / 1e3:,.0f}k"


def draw(library):
    """Throughput and latency of the library's writes."""
    writes = [m for m in library["measurements"] if m["operation"] == "write"]
    ticks = sorted({m["outstanding"] for m in writes})
    sizes = sorted({m["bytes"] for m in writes})

    def series(value):
        return {f"{size:,} bytes": [(m["outstanding"], value(m)) for m in writes
                                    if m["bytes"] == size] for size in sizes}

    picture = Picture()
    throughput = series(lambda m: m["per_second"])
    picture.panel(0, "writes a second", ticks, throughput, thousands)
    picture.panel(1, "median latency, ms", ticks, series(lambda m: m["p50_us"] / 1e3),
                  lambda v: f"{v:.1f}")
    return picture.svg()


def other_work(m):
    """A warning when the machine was busy with something else as the run began."""
    if m["load_before"] < 0.5:
        return []
    return ["", f"**The machine was not idle**: its load average was {m['load_before']:.1f} when "
            "the run began, so other", "work took processors and disk from every figure below."]


def page(results):
    """docs/performance.md."""
    m = results["machine"]
    parts = ["# Performance", "",
             "What this machine can do at best, and what the core, the library and the server make "
             "of it.", "Renewed by `./dev bench --write-docs`; every figure below is of one run.",
             "", f"Machine: {m['processor']}, {m['cores']} cores, Linux {m['kernel']}; "
             f"{m['date']}, commit {m['commit']}. All three nodes and the load share it.",
             *other_work(m), "", "## Limits", "",
             "Plain system calls, none of our code. F is the floor of a replicated durable write.",
             "", limits_section(results["limits"])]
    if "storage" in results:
        parts += ["", "## Persistence engines", "",
                  "An engine alone, with entries appended one by one: latency of 128 bytes with one"
                  " outstanding,", "throughput and CPU time of an entry with 1,000 outstanding. "
                  f"Commit {results['storage_commit']}.", "",
                  storage_section(results["storage"])]
    if "library" in results:
        parts += ["", "## Library", "",
                  "Three processes with logs on disk, TCP over loopback, full durability; commands "
                  "are proposed", "in the leader's process, each on its own, and replaced when "
                  "answered. CPU is that of all three", "processes, the proposer included; peak "
                  "memory is that of the largest.", "",
                  "![Throughput and latency](performance.svg)", "",
                  library_section(results["library"]), "", OTHERS]
    if "server" in results:
        parts += ["", "## Server", "",
                  "Three `mainstayd`; values of 16 bytes. `mainstayctl bench` keeps exactly that "
                  "many requests", "outstanding over four connections; redis-benchmark uses 50 "
                  "connections with pipelines of 16.", "GET is linearizable. The generator shares "
                  "the processors; its CPU is not counted.", "", server_section(results["server"])]
    if "snapshots" in results:
        parts += ["", "## Snapshots", "",
                  "Three `mainstayd` with values of 1 KiB; SET of 128 bytes, 256 outstanding, at "
                  "the leader.", "The follower that is sent the state was away for too long. "
                  f"Commit {results['snapshots']['commit']}.", "",
                  snapshots_section(results["snapshots"])]
    if "core" in results:
        parts += ["", "## Core", "",
                  "The algorithm alone: no I/O, no encoding, no threads.", "",
                  core_section(results["core"])]
    if "serializers" in results:
        parts += ["", "## Serializers", "",
                  "Size of each message, and CPU time to write and to read it; the payloads of "
                  "large ones are copied", "by all but the binary form.", "",
                  serializers_section(results["serializers"])]
    parts += ["", "## How to repeat it", "", "```sh",
              "./dev bench                  # everything, about six minutes",
              "./dev bench --quick          # about a minute",
              "./dev bench --only library   # or core, serializers, storage, server, snapshots",
              "./dev bench --write-docs     # renews this page", "```", ""]
    return "\n".join(parts)


def write(results, folder):
    """Writes the page, and the picture when there is something to draw."""
    if "library" in results:
        (folder / "performance.svg").write_text(draw(results["library"]), "utf-8")
    (folder / "performance.md").write_text(page(results), "utf-8")
    print(f"written: {folder / 'performance.md'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", default="build/bench.json")
    parser.add_argument("--docs", default="docs")
    options = parser.parse_args()
    results = json.loads(pathlib.Path(options.results).read_text("utf-8"))
    write(results, pathlib.Path(options.docs))


if __name__ == "__main__":
    main()
