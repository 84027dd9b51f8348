"""The tables of tests/mutants/: deliberate bugs, and the tests that hunt them.

A table is made of blocks that a blank line ends. A mutant says which lines of which file it
changes, like a hunk of a patch: lines that begin with a space are context, `-` goes, `+` comes
instead. Indentation does not count. The lines before must stand in the file exactly once.
"""

import dataclasses
import pathlib
import re

FOLDER = pathlib.Path("tests/mutants")
KILLERS = FOLDER / "killers.txt"
SWITCH = "MAINSTAY_MUTANT_"


class TableError(Exception):
    """A table that cannot be read, or that does not fit the sources any more."""


@dataclasses.dataclass
class Mutant:
    """One deliberate bug."""
    name: str
    area: str
    place: str  # where the table says so, for complaints
    file: str = ""
    hazards: list = dataclasses.field(default_factory=list)
    rule: str = ""
    first: list = dataclasses.field(default_factory=list)
    hunk: list = dataclasses.field(default_factory=list)  # (mark, text without indentation)

    @property
    def switch(self):
        return SWITCH + self.name.upper()

    @property
    def digest(self):
        """What has to be the same for an old result to count."""
        return "\n".join([self.file] + [mark + text for mark, text in self.hunk])


@dataclasses.dataclass
class Killer:
    """One program that fails when something is wrong."""
    name: str
    place: str
    kind: str = ""
    target: str = ""
    areas: list = dataclasses.field(default_factory=list)
    run: list = dataclasses.field(default_factory=list)
    environment: dict = dataclasses.field(default_factory=dict)
    seed: str = ""  # a regular expression whose group is the seed


def _blocks(text):
    """(line number of the first, lines) of each block; comments left out."""
    block, first = [], 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if line.strip() or line.startswith((" ", "-", "+")):
            first = first if block else number
            block.append(line)
        elif block:
            yield first, block
            block = []


def _mutant(name, area, place, lines):
    mutant = Mutant(name, area, place)
    for line in lines:
        if line[0] in " -+":
            mutant.hunk.append((line[0], line[1:].strip()))
            continue
        key, _, value = line.partition(" ")
        value = value.strip()
        if key in ("file", "rule"):
            setattr(mutant, key, value)
        elif key == "hazard":
            mutant.hazards = [int(number) for number in value.split()]
        elif key == "first":
            mutant.first = value.split()
        else:
            raise TableError(f"{place}: {key} is no field of a mutant")
    problem = _problem_of(mutant)
    if problem:
        raise TableError(f"{place}: {name}: {problem}")
    return mutant


def _problem_of(mutant):
    """Why this is no mutant, or None."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", mutant.name):
        return "its name is not in small letters"
    if not mutant.file or not mutant.rule:
        return "it needs a file and a rule"
    marks = "".join(mark for mark, _ in mutant.hunk)
    if not re.fullmatch(r" *(-+\+*|\+) *", marks):
        return "its change is not one place: context, what goes, what comes, context"
    if not any(text for mark, text in mutant.hunk if mark != "+"):
        return "it names no line that stands in the file"
    return None


def _killer(name, place, lines):
    killer = Killer(name, place)
    for line in lines:
        key, _, value = line.partition(" ")
        value = value.strip()
        if key in ("kind", "target", "seed"):
            setattr(killer, key, value)
        elif key in ("areas", "run"):
            setattr(killer, key, value.split())
        elif key == "environment":
            killer.environment = dict(one.split("=", 1) for one in value.split())
        else:
            raise TableError(f"{place}: {key} is no field of a killer")
    if not (killer.kind and killer.target and killer.areas and killer.run):
        raise TableError(f"{place}: {name} needs kind, target, areas and run")
    return killer


def parse_mutants(text, area, path):
    """The mutants of one table. Raises TableError."""
    found = []
    for number, lines in _blocks(text):
        place = f"{path}:{number}"
        word, _, name = lines[0].partition(" ")
        if word != "mutant":
            raise TableError(f"{place}: a block begins with: mutant NAME")
        found.append(_mutant(name.strip(), area, place, lines[1:]))
    return found


def parse_killers(text, path=str(KILLERS)):
    """The killers, cheapest first as they stand. Raises TableError."""
    found = []
    for number, lines in _blocks(text):
        place = f"{path}:{number}"
        word, _, name = lines[0].partition(" ")
        if word != "killer":
            raise TableError(f"{place}: a block begins with: killer NAME")
        found.append(_killer(name.strip(), place, lines[1:]))
    return found


def load(root):
    """(mutants, killers) of a source tree. Raises TableError."""
    killers = parse_killers((root / KILLERS).read_text(encoding="utf-8"))
    mutants = []
    for path in sorted((root / FOLDER).glob("*.txt")):
        if path.name == KILLERS.name:
            continue
        relative = str(path.relative_to(root))
        mutants += parse_mutants(path.read_text(encoding="utf-8"), path.stem, relative)
    return mutants, killers


def place_of(mutant, text):
    """The line numbers, from 0, at which the mutant's lines begin in a file's text."""
    wanted = [line for mark, line in mutant.hunk if mark != "+"]
    lines = [line.strip() for line in text.splitlines()]
    return [start for start in range(len(lines) - len(wanted) + 1)
            if lines[start:start + len(wanted)] == wanted]


def apply(mutant, text):
    """The file's text with the change behind its switch. Raises TableError."""
    places = place_of(mutant, text)
    if len(places) != 1:
        raise TableError(f"{mutant.place}: {mutant.name}: its lines stand {len(places)} times in "
                         f"{mutant.file}")
    before = sum(1 for mark, _ in mutant.hunk[:_first_change(mutant)] if mark == " ")
    gone = sum(1 for mark, _ in mutant.hunk if mark == "-")
    lines = text.splitlines()
    start = places[0] + before
    new = [line for mark, line in mutant.hunk if mark == "+" and line]
    behind_switch = [f"#if {mutant.switch}"] + new
    if gone:
        behind_switch += ["#else"] + lines[start:start + gone]
    behind_switch += ["#endif"]
    return "\n".join(lines[:start] + behind_switch + lines[start + gone:]) + "\n"


def _first_change(mutant):
    return next(i for i, (mark, _) in enumerate(mutant.hunk) if mark != " ")


def problems(mutants, killers, read):
    """Where tables and sources disagree, as printable lines. `read` gives a text, or None."""
    found = []
    names = {}
    known = {killer.name for killer in killers}
    hunted = {area for killer in killers for area in killer.areas}
    for mutant in mutants:
        if mutant.name in names:
            found.append(f"{mutant.place}: {mutant.name} is already in {names[mutant.name]}")
        names[mutant.name] = mutant.place
        if mutant.area not in hunted:
            found.append(f"{mutant.place}: no killer hunts in the area {mutant.area}")
        found += [f"{mutant.place}: {name} is no killer"
                  for name in mutant.first if name not in known]
        text = read(mutant.file)
        if text is None:
            found.append(f"{mutant.place}: {mutant.file} does not exist")
            continue
        try:
            apply(mutant, text)
        except TableError as error:
            found.append(str(error))
    return found
