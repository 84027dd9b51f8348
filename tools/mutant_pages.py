"""The words of a hunt: progress, the table at its end, and docs/mutants.md."""

PAGE = "docs/mutants.md"

HEAD = """# Mutants

`./dev mutants` hunted these deliberate bugs and wrote this page (`--write-docs`). Each is one line
of the sources, changed behind a compile-time switch; `tests/mutants/` says which, and
[decision 10](decisions/{decision}) why it is made like this. A number is a
line of the catalogue of hazards that the rules are taken from, where there is one.

Killer: the first check that failed, with its seed where it has one, and the seconds that all tries
up to then took. The columns behind it say which kinds of check find the mutant at all, as far as
each was tried: `yes` or the seed that finds it, `no`, or empty where it was not.

"""


def said(result):
    """One result in words."""
    if not result["killer"]:
        return f"SURVIVED {', '.join(result['tries']) or 'everything'}"
    seed = f", seed {result['seed']}" if result["seed"] else ""
    test = f" ({result['test']})" if result["test"] else ""
    verb = {"fails": "killed by", "aborts": "aborts", "hangs": "hangs"}[result["manner"]]
    return f"{verb} {result['killer']}{test}{seed} in {result['seconds']:.1f} s"


def table(mutants, result_of):
    """The report of a hunt as columns."""
    lines = []
    for mutant in mutants:
        result = result_of(mutant.name)
        lines.append((mutant.name, result["killer"] or "SURVIVED", result["seed"] or "-",
                      f"{result['seconds']:.1f}", result["test"]))
    lines.insert(0, ("mutant", "killer", "seed", "s", "test"))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "\n".join("  ".join([line[0].ljust(widths[0]), line[1].ljust(widths[1]),
                                line[2].rjust(widths[2]), line[3].rjust(widths[3]),
                                line[4]]).rstrip() for line in lines)


def _kinds(killers, area):
    """The kinds of check that hunt in an area, in the order of the table of killers."""
    return list(dict.fromkeys(killer.kind for killer in killers if area in killer.areas))


def _cell(result, killers, kind):
    """Whether a kind of check found the mutant, with the seed where it has one."""
    tries = [result["tries"][killer.name] for killer in killers
             if killer.kind == kind and killer.name in result["tries"]]
    found = [tried for tried in tries if tried["failed"]]
    if not found:
        return "no" if tries else ""
    seed = next((tried["seed"] for tried in found if tried["seed"]), "")
    return f"seed {seed}" if seed else "yes"


def _is_over(mutant, result, killers):
    """Whether the mutant was killed, or everyone who may find it has tried."""
    if result is None:
        return False
    able = [killer.name for killer in killers if mutant.area in killer.areas]
    return bool(result["killer"]) or set(able) <= set(result["tries"])


def _section(area, mutants, killers, results):
    kinds = _kinds(killers, area)
    lines = [f"## {area}", "",
             "| mutant | what it breaks | hazard | killer | seed | s | " + " | ".join(kinds) + " |",
             "|---|---|---|---|---|---|" + "---|" * len(kinds)]
    for mutant in mutants:
        result = results.of(mutant)
        hazards = ", ".join(str(number) for number in mutant.hazards)
        cells = [f"`{mutant.name}`", mutant.rule, hazards]
        if result is None:
            cells += ["not hunted yet", "", ""] + [""] * len(kinds)
        elif not _is_over(mutant, result, killers):
            cells += ["not hunted by all yet", "", f"{result['seconds']:.1f}"]
            cells += [_cell(result, killers, kind) for kind in kinds]
        else:
            test = f", `{result['test']}`" if result["test"] else ""
            cells += [f"{result['killer'] or '**survived**'}{test}", result["seed"],
                      f"{result['seconds']:.1f}"]
            cells += [_cell(result, killers, kind) for kind in kinds]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def text(mutants, killers, results, decision):
    """The whole page."""
    hunted = [results.of(mutant) for mutant in mutants]
    killed = sum(1 for result in hunted if result and result["killer"])
    waiting = sum(1 for mutant, result in zip(mutants, hunted)
                  if not _is_over(mutant, result, killers))
    rest = f"; {waiting} have not been hunted by all yet." if waiting else "."
    lines = [f"{killed} of {len(mutants)} mutants are killed{rest}", ""]
    for area in dict.fromkeys(mutant.area for mutant in mutants):
        lines += _section(area, [m for m in mutants if m.area == area], killers, results)
    return HEAD.format(decision=decision) + "\n".join(lines).rstrip() + "\n"


def write(root, mutants, killers, results):
    """Writes the page."""
    decision = next(path.name for path in (root / "docs/decisions").glob("*-mutants-*.md"))
    (root / PAGE).write_text(text(mutants, killers, results, decision), encoding="utf-8")
