"""Holds the floors of docs/architecture.md: who may include whom.

It reads #include lines only; that libraries link what they include is left to the linker.
"""

import re
import sys

import cpp_source

# Every part of the tree, by its path, and the parts that it may include beside itself. The longest
# path that fits counts. "*" stands for everything.
ADAPTERS = ["mainstay/storage", "mainstay/serializer", "mainstay/transport", "mainstay/logging",
            "mainstay/metrics", "mainstay/runtime"]
LOWEST = ["mainstay/base", "mainstay/core", "mainstay/seams"]
MAY_INCLUDE = {
    "mainstay/base": [],
    "mainstay/core": LOWEST[:1],
    "mainstay/seams": LOWEST[:2],
    "mainstay/node": LOWEST,
    "mainstay/machines": LOWEST,
    # Speaks RESP to servers; knows nothing of what runs inside them.
    "mainstay/client": LOWEST[:1],
    # The simulated disk lies below the log's file seam, and the whole log runs on it.
    "mainstay/simulation": [*LOWEST, "mainstay/node", "mainstay/storage/wal"],
    # Shares its threads, images and peers (docs/decisions/0015).
    "mainstay/storage/rocksdb": [*LOWEST, "mainstay/storage/wal"],
    "mainstay": ["mainstay"],
    **{folder: LOWEST for folder in ADAPTERS},
    **{folder: ["*"] for folder in ["server", "cli", "examples", "bench", "sim", "tests", "fuzz"]},
}
# Adapters and machines of one kind are rooms of their own: mainstay/storage/wal, not
# mainstay/storage, is what a file may include freely.
SPLIT = [*ADAPTERS, "mainstay/machines"]
# These know the standard library alone. Checksums come from a library of their own.
STANDARD_ONLY = [*LOWEST, "mainstay/simulation"]
EXCEPT = {"mainstay/base/checksum.cpp": ["xxhash.h"]}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_STANDARD = re.compile(r"[a-z0-9_]+")


def part_of(path):
    """The entry of MAY_INCLUDE that a path belongs to, or None."""
    fitting = [part for part in MAY_INCLUDE if path == part or path.startswith(part + "/")]
    return max(fitting, key=len, default=None)


def room_of(path):
    """The folder whose files include one another freely."""
    part = part_of(path)
    if part in SPLIT:
        return "/".join(path.split("/")[:3])
    return part


def _within(path, allowed):
    return any(entry == "*" or path == entry or path.startswith(entry + "/") for entry in allowed)


def check_quoted(path, included, exists):
    """Why `path` may not include "included", or None."""
    if not exists(included):
        return f'"{included}" is not a file of the project; paths start at its root'
    if room_of(included) == room_of(path):
        return None
    if _within(included, MAY_INCLUDE[part_of(path)]):
        return None
    return f'{room_of(path)} must not include "{included}"'


def check_angled(path, included):
    """Why `path` may not include <included>, or None."""
    if not _within(path, STANDARD_ONLY) or _STANDARD.fullmatch(included):
        return None
    if included in EXCEPT.get(path, []):
        return None
    return f"{room_of(path)} includes nothing but the standard library, but <{included}>"


def check_file(path, text, exists):
    """All problems of one file, as printable lines."""
    if part_of(path) is None:
        return [f"{path}: this folder has no floor; see MAY_INCLUDE in tools/check_floors.py"]
    problems = []
    code = cpp_source.without_comments(text, keep_strings=True)
    for match in _INCLUDE.finditer(code):
        quoted = match.group(1) == '"'
        problem = (check_quoted(path, match.group(2), exists) if quoted
                   else check_angled(path, match.group(2)))
        if problem:
            problems.append(f"{path}:{cpp_source.line_of(code, match.start(1))}: {problem}")
    return problems


def main():
    def exists(name):
        return (cpp_source.ROOT / name).is_file()
    problems = []
    for path in cpp_source.files():
        text = (cpp_source.ROOT / path).read_text(encoding="utf-8")
        problems += check_file(str(path), text, exists)
    return cpp_source.report(problems, "floors")


if __name__ == "__main__":
    sys.exit(main())
