"""Holds the documentation to the code: examples are compiled files, links lead somewhere, and every
public declaration of the library says what it is.

An example in Markdown stands under a line `<!-- file: examples/name.cpp -->` and equals that file
byte for byte.
"""

import re
import sys

import cpp_source

_EXAMPLE = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(cpp|c\+\+)\n(.*?)^```$",
                      re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
# A declaration at the start of a line of namespace scope: a type, alias, concept or function.
_DECLARATION = re.compile(
    r"^(?:template\b|(?:enum\s+)?(?:class|struct)\s+\w|concept\s+\w|using\s+\w+\s*=|inline\b"
    r"|constexpr\b|extern\b|\[\[\w+\]\]|[a-z_][\w:<>,&* ]*[ &*]\w+\()")
# What stands here only to be named; the definition says what it is.
_FORWARD = re.compile(r"(?:enum\s+)?(?:class|struct) [\w:]+;")


def check_examples(path, text, read, built):
    """Every C++ block must name its file, equal it, and that file must be built."""
    problems = []
    for match in _EXAMPLE.finditer(text):
        name, _, body = match.groups()
        place = f"{path}:{cpp_source.line_of(text, match.start())}"
        if name is None:
            problems.append(f"{place}: a C++ example without `<!-- file: … -->` above it")
        elif (source := read(name)) is None:
            problems.append(f"{place}: {name} does not exist")
        elif source != body:
            problems.append(f"{place}: the example differs from {name}")
        elif not built(name):
            problems.append(f"{place}: {name} is not compiled by its folder's CMakeLists.txt")
    return problems


def anchors(text):
    """The anchors of a Markdown text's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def check_links(path, text, resolve, read):
    """Every link inside the project must lead to a file, and to a heading where it names one."""
    problems = []
    for match in _LINK.finditer(_FENCED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = f"{path}:{cpp_source.line_of(text, match.start())}"
        found = resolve(path, name) if name else path
        if found is None:
            problems.append(f"{place}: {target} leads nowhere")
        elif anchor and found.endswith(".md") and anchor not in anchors(read(found)):
            problems.append(f"{place}: {found} has no heading #{anchor}")
    return problems


def check_declarations(path, text):
    """Every group of declarations of namespace scope opens with `///`; so does the file."""
    problems = []
    lines = text.splitlines()
    if not lines or not lines[0].startswith("///"):
        problems.append(f"{path}:1: the file does not open with /// that says what it is")
    code = cpp_source.without_directives(cpp_source.without_comments(text)).splitlines()
    hidden = inside_detail(code)
    for number, line in enumerate(code):
        if number in hidden or not _DECLARATION.match(line) or _FORWARD.fullmatch(line.strip()):
            continue
        if number > 0 and not lines[number - 1].strip():
            problems.append(f"{path}:{number + 1}: no /// above: {lines[number].strip()[:60]}")
    return problems


def inside_detail(code):
    """The numbers of the lines inside `namespace detail` and unnamed namespaces."""
    hidden, depth = set(), 0
    for number, line in enumerate(code):
        if depth == 0 and re.match(r"namespace(?: [\w:]*detail)? \{", line):
            depth = line.count("{") - line.count("}")
            continue
        if depth > 0:
            hidden.add(number)
            depth += line.count("{") - line.count("}")
    return hidden


def main():
    root = cpp_source.ROOT

    def read(name):
        path = root / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def resolve(path, name):
        found = (root / path).parent.joinpath(name).resolve()
        if not found.exists() or not found.is_relative_to(root):
            return None
        return str(found.relative_to(root))

    def built(name):
        folder, _, base = name.rpartition("/")
        return base in (read(f"{folder}/CMakeLists.txt") or "")

    problems = []
    for path in map(str, cpp_source.files(endings=(".md",))):
        text = read(path)
        problems += check_examples(path, text, read, built)
        problems += check_links(path, text, resolve, read)
    for path in map(str, cpp_source.files(endings=(".hpp",))):
        if path.startswith("mainstay/"):
            problems += check_declarations(path, read(path))
    return cpp_source.report(problems, "documentation")


if __name__ == "__main__":
    sys.exit(main())
