"""Holds the ends of the style: files, lines, functions and parameter lists that fit a screen.

Functions are found by their braces. Lambdas and local classes count with the function they are in.
"""

import ast
import re
import sys

import cpp_source

MAX_FILE_LINES = 800
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70

CPP = (".cpp", ".hpp")
PYTHON = (".py",)
OTHERS = (".sh", ".cmake", "CMakeLists.txt", "/run", "dev")

_OPERATOR = re.compile(r"\boperator\s*(\(\s*\)|\[\s*\]|[^\s\w(]+)")
_SCOPE = re.compile(
    r"\b(?:namespace|extern\s*\"\s*\"|(?:enum\s+)?(?:class|struct)|union|enum)\b")
_STATEMENT_END = re.compile(r"[{};]|\b(?:public|private|protected)\s*:(?!:)")
_BRACE = re.compile(r"[{}]")
_QUALIFIERS = {"const", "noexcept", "override", "final", "mutable", "try", "constexpr"}


def _top_level(statement):
    """The statement without what stands inside (), [] and template <>."""
    statement = _OPERATOR.sub("operator_", statement)
    statement = re.sub(r"<[^<>(){};]*>", "", re.sub(r"<[^<>(){};]*>", "", statement))
    kept, depth = [], 0
    for character in statement:
        if character in "([":
            depth += 1
        if depth == 0:
            kept.append(character)
        if character in ")]":
            depth -= 1
            if depth == 0:
                kept.append("()" if character == ")" else "[]")
    return "".join(kept)


def kind_of_brace(statement):
    """What a `{` opens outside of functions: "scope", "function" or "value"."""
    top = _top_level(statement).strip()
    if "()" not in top:
        return "scope" if _SCOPE.search(top) else "value"
    if re.search(r"(?<![=!<>])=(?!=)", top):
        return "value"
    if re.match(r"(?:template\s*)?(?:class|struct|union|enum|namespace)\b", top):
        return "scope"
    last_word = re.search(r"(\w+)\s*$", top)
    in_initializers = re.search(r"\(\)[^:]*(?<!:):(?!:)", top)
    if in_initializers and last_word and last_word.group(1) not in _QUALIFIERS:
        return "value"
    return "function"


def _matching(code, opening):
    """The offset of the brace that closes the one at `opening`."""
    depth = 0
    for match in _BRACE.finditer(code, opening):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def functions(text):
    """(first line, last line, signature) of every function with a body, in order."""
    code = cpp_source.without_directives(cpp_source.without_comments(text))
    found, start, position = [], 0, 0
    while match := _STATEMENT_END.search(code, position):
        position = match.end()
        if match.group() != "{":
            start = position
            continue
        statement = code[start:match.start()]
        kind = kind_of_brace(statement)
        if kind == "scope":
            start = position
            continue
        closing = _matching(code, match.start())
        position = closing + 1
        if kind == "function":
            leading = len(statement) - len(statement.lstrip())
            found.append((cpp_source.line_of(code, start + leading),
                          cpp_source.line_of(code, closing), " ".join(statement.split())))
            start = position
    return found


def python_functions(text):
    """The same for Python."""
    return [(node.lineno, node.end_lineno, f"def {node.name}")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def check_file(path, text):
    """All problems of one file, as printable lines."""
    problems = []
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        problems.append(f"{path}: {len(lines)} lines, more than {MAX_FILE_LINES}")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            problems.append(f"{path}:{number}: {len(line)} columns, more than {MAX_COLUMNS}")
    found = []
    if path.endswith(CPP):
        found = functions(text)
    elif path.endswith(PYTHON):
        found = python_functions(text)
    for first, last, signature in found:
        if last - first + 1 > MAX_FUNCTION_LINES:
            problems.append(f"{path}:{first}: {last - first + 1} lines, more than "
                            f"{MAX_FUNCTION_LINES}: {signature[:60]}")
    return problems


def main():
    problems = []
    for path in cpp_source.files(endings=CPP + PYTHON + OTHERS):
        text = (cpp_source.ROOT / path).read_text(encoding="utf-8")
        problems += check_file(str(path), text)
    return cpp_source.report(problems, "sizes")


if __name__ == "__main__":
    sys.exit(main())
