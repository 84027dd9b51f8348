"""Reading C++ well enough for the checks: which files there are, and their code without comments.

It is no parser. It relies on sources formatted by clang-format, which is checked as well.
"""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

_LITERAL = re.compile(
    r"""
    (?P<line_comment>//[^\n]*(?:\\\n[^\n]*)*)
  | (?P<block_comment>/\*.*?\*/)
  | (?P<raw>\bu?8?R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<digit_mark>(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]))
  | (?P<character>'(?:\\.|[^'\\\n])+')
    """, re.VERBOSE | re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def _blank(text):
    """The same shape, line by line, without content."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text, keep_strings=False):
    """The code with comments (and literals' insides) blanked; offsets and lines stay."""
    def replacement(match):
        found = match.group(0)
        if match.group("line_comment") or match.group("block_comment"):
            return _blank(found)
        if keep_strings or match.group("digit_mark"):
            return found
        return found[0] + _blank(found[1:-1]) + found[-1]
    return _LITERAL.sub(replacement, text)


def without_directives(code):
    """The code with preprocessor lines blanked."""
    return _DIRECTIVE.sub(lambda match: _blank(match.group(0)), code)


def line_of(text, offset):
    """The 1-based line of an offset."""
    return text.count("\n", 0, offset) + 1


def files(root=ROOT, endings=(".cpp", ".hpp")):
    """Paths, relative to `root`, of the project's files with these endings, sorted."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
        stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    return sorted(pathlib.PurePosixPath(name) for name in set(listed)
                  if name.endswith(tuple(endings)) and (pathlib.Path(root) / name).is_file())


def report(problems, what):
    """Prints the problems, or that there are none; gives the exit status."""
    for problem in problems:
        print(problem)
    print(f"{what}: " + (f"{len(problems)} problems" if problems else "in order"))
    return 1 if problems else 0
