"""Proves docs/hazards.md: no hazard is missing from it, and every test that it names is one.

A row of its tables reads | number | what went wrong | here | tests |. The last cell names tests:
`Suite.Name`, `tests/scenarios/name.txt`, `tests/system/name.py::Class.test`; or it says with which
part of the library they come: "open: snapshots"; or both. A test that a row names says the number
in a comment, "hazard 26"; a test that says a number is named in that number's row. Hazards of our
own are numbered H1, H2, and so on. Tables of anything else may name tests, too.
"""

import re
import sys

import cpp_source

PAGE = "docs/hazards.md"
PARTS = ("snapshots", "membership changes", "sessions", "leadership transfer", "leases")
# The numbers that the collection uses; it leaves some out.
CATALOGUE = frozenset(
    (1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34, 35, 37,
     38, 40, 41, 43, 44, 46, 47, 49, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64, 65, 67, 68, 70, 71, 73,
     74, 76, 77, 79, 80, 82, 83, 85, 86, 88, 89, 91, 92, 94, 95, 97, 98, 100, 101, 103, 104, 106,
     107, 109, 110, 112, 113, 115, 116, 118, 119, 121, 122, 124, 125))

_NUMBER = r"(?:H?[0-9]+)"
_ROW = re.compile(rf"\|\s*({_NUMBER})\s*\|")
_TEST = re.compile(r"`([A-Za-z_]\w*\.[A-Za-z_]\w*|tests/scenarios/[\w./-]+\.txt"
                   r"|tests/[\w/]+\.py::\w+\.\w+)`")
_OPEN = re.compile(r"open: ([a-z ]+)")
_SAYS = re.compile(rf"\b[Hh]azards?\s+({_NUMBER}(?:(?:,\s*|\s+and\s+|,\s*and\s+){_NUMBER})*)\b")
_GOOGLE_TEST = re.compile(
    r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)"
    r"\s*\(\s*(\w+)\s*,\s*(\w+)", re.MULTILINE)
_PYTHON_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_PYTHON_TEST = re.compile(r"^    def (test_\w+)", re.MULTILINE)


def numbers_in(comment_lines, mark):
    """The hazards that a comment names, its lines joined."""
    text = " ".join(line.strip().lstrip(mark).strip() for line in comment_lines)
    return {number for found in _SAYS.findall(text) for number in re.findall(_NUMBER, found)}


def _comment_above(text, offset, mark):
    lines = text[:offset].splitlines()
    first = len(lines)
    while first > 0 and lines[first - 1].strip().startswith(mark):
        first -= 1
    return lines[first:]


def google_tests(text):
    """The tests of a C++ file, with the hazards that the comments above and inside them name."""
    found = {}
    for test in _GOOGLE_TEST.finditer(text):
        body = re.search(r"^}", text[test.start():], re.MULTILINE)
        inside = text[test.start():test.start() + body.start()] if body else ""
        comment = _comment_above(text, test.start(), "//")
        comment += [line for line in inside.splitlines() if line.strip().startswith("//")]
        found[f"{test.group(1)}.{test.group(2)}"] = numbers_in(comment, "/")
    return found


def python_tests(path, text):
    """The tests of a Python file, with the hazards that the comment above each names."""
    classes = list(_PYTHON_CLASS.finditer(text))
    found = {}
    for test in _PYTHON_TEST.finditer(text):
        owners = [one.group(1) for one in classes if one.start() < test.start()]
        name = f"{path}::{owners[-1] if owners else ''}.{test.group(1)}"
        found[name] = numbers_in(_comment_above(text, test.start(), "#"), "#")
    return found


def tests_of(files):
    """Every test of {path: text}, with the hazards that it says it is about."""
    found = {}
    for path, text in files.items():
        if path.endswith((".cpp", ".hpp")):
            found.update(google_tests(text))
        elif path.endswith(".py"):
            found.update(python_tests(path, text))
        elif path.startswith("tests/scenarios/") and path.endswith(".txt"):
            comment = [line for line in text.splitlines() if line.startswith("#")]
            found[path] = numbers_in(comment, "#")
    return found


def rows(text):
    """(line number, hazard, last cell) of every row of the page."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        row = _ROW.match(line)
        if row:
            found.append((number, row.group(1), line.strip().strip("|").split("|")[-1].strip()))
    return found


def check_row(hazard, cell, tests):
    """Why a row cannot be believed."""
    named = _TEST.findall(cell)
    problems = [f"no part is called {part.strip()}" for part in _OPEN.findall(cell)
                if part.strip() not in PARTS]
    if not named and not _OPEN.search(cell):
        problems.append("names no test, and no part that it comes with")
    return problems + [f"{name} does not say that it is about hazard {hazard}" for name in named
                       if name in tests and hazard not in tests[name]]


def check_numbers(hazards):
    """Numbers that are missing, doubled, or made up."""
    problems = [f"hazard {one} stands there twice" for one in sorted(set(hazards))
                if hazards.count(one) > 1]
    catalogued = {int(one) for one in hazards if not one.startswith("H")}
    problems += [f"hazard {one} is missing" for one in sorted(CATALOGUE - catalogued)]
    problems += [f"hazard {one} is not in the catalogue" for one in sorted(catalogued - CATALOGUE)]
    own = {int(one[1:]) for one in hazards if one.startswith("H")}
    return problems + [f"hazard H{one} is missing" for one in range(1, max(own, default=0))
                       if one not in own]


def check(page, files):
    """All problems of the page, as printable lines. `files` holds the tests' texts by path."""
    table = rows(page)
    tests = tests_of(files)
    problems = [f"{PAGE}: {one}" for one in check_numbers([hazard for _, hazard, _ in table])]
    problems += [f"{PAGE}: no test {name}" for name in _TEST.findall(page) if name not in tests]
    named = {hazard: set(_TEST.findall(cell)) for _, hazard, cell in table}
    for line, hazard, cell in table:
        problems += [f"{PAGE}:{line}: {hazard}: {one}" for one in check_row(hazard, cell, tests)]
    for name, hazards in sorted(tests.items()):
        problems += [f"{PAGE}: {one}: {name} says that it is about it, and is not in its row"
                     for one in sorted(hazards) if name not in named.get(one, set())]
    return problems


def main():
    def read(name):
        path = cpp_source.ROOT / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    files = {str(path): read(path) for path in cpp_source.files(endings=(".cpp", ".hpp", ".py",
                                                                         ".txt"))
             if str(path).startswith("tests/") and not str(path).startswith("tests/tools/")}
    return cpp_source.report(check(read(PAGE), files), "hazards")


if __name__ == "__main__":
    sys.exit(main())
