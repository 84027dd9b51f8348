"""Proves docs/paper_map.md: every function that it names exists, and every test.

A row of its tables reads | section | rule | functions | tests |. A function is written
`name` in [file](path), a test `Suite.Name`, a scenario `tests/scenarios/name.txt`.
"""

import re
import sys

import cpp_source

MAP = "docs/paper_map.md"

_FUNCTION = re.compile(r"`([A-Za-z_][\w:~]*)` in \[[^\]]*\]\(([^)]+)\)")
_TEST = re.compile(r"`([A-Za-z_]\w*)\.([A-Za-z_]\w*)`")
_SCENARIO = re.compile(r"`(tests/scenarios/[\w./-]+\.txt)`")
_DEFINED = re.compile(
    r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)"
    r"\s*\(\s*(\w+)\s*,\s*(\w+)")


def rows(text):
    """(line number, cells) of every table row with four cells, headings left out."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|") or re.fullmatch(r"[|\s:-]+", line):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0].lower() != "section":
            found.append((number, cells))
    return found


def defined_tests(sources):
    """The names of all tests in the given texts, as "Suite.Name"."""
    return {f"{suite}.{name}" for text in sources for suite, name in _DEFINED.findall(text)}


def check_functions(cell, read):
    """Why the functions of a cell cannot be believed. `read` gives a file's text, or None."""
    named = _FUNCTION.findall(cell)
    if not named:
        return ["names no function as `name` in [file](path)"]
    problems = []
    for name, link in named:
        path = link.removeprefix("../")
        text = read(path)
        last = name.split("::")[-1]
        if text is None:
            problems.append(f"{path} does not exist")
        elif not re.search(rf"(?<!\w){re.escape(last)}\s*[({{;=]",
                           cpp_source.without_comments(text)):
            problems.append(f"{name} is not in {path}")
    return problems


def check_tests(cell, tests, read):
    """Why the tests of a cell cannot be believed."""
    scenarios = _SCENARIO.findall(cell)
    named = [f"{suite}.{name}" for suite, name in _TEST.findall(cell)]
    if not named and not scenarios:
        return ["names no test as `Suite.Name`, and no scenario"]
    return ([f"no test {name}" for name in named if name not in tests]
            + [f"{path} does not exist" for path in scenarios if read(path) is None])


def check(text, tests, read):
    """All problems of the map, as printable lines."""
    problems = []
    table = rows(text)
    if not table:
        problems.append(f"{MAP}: the map is empty")
    for number, cells in table:
        if len(cells) != 4:
            problems.append(f"{MAP}:{number}: {len(cells)} cells instead of four")
            continue
        found = check_functions(cells[2], read) + check_tests(cells[3], tests, read)
        problems += [f"{MAP}:{number}: {cells[0]}: {problem}" for problem in found]
    return problems


def main():
    def read(name):
        path = cpp_source.ROOT / name
        return path.read_text(encoding="utf-8") if path.is_file() else None
    sources = [read(path) for path in cpp_source.files() if str(path).startswith("tests/")]
    return cpp_source.report(check(read(MAP) or "", defined_tests(sources), read), "paper map")


if __name__ == "__main__":
    sys.exit(main())
