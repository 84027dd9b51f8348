"""Holds the names and words of the style: whole words in names, no notes to self anywhere."""

import re
import sys

import cpp_source

# Clipped words, and what to write instead.
CLIPPED = {
    "idx": "index", "cfg": "config", "msg": "message", "ptr": "pointer", "mgr": "manager",
    "ctx": "context", "cnt": "count", "num": "count, or a noun", "tmp": "a name",
    "srv": "server", "req": "request", "util": "a name",
    "utils": "a name", "helper": "a name", "helpers": "a name",
}
# Names of the standard library and of the operating system stand.
STANDING = re.compile(
    r"(?:std::)?(?:unique|shared|weak|exception|auto)_ptr(?:_\w+)?"
    r"|(?:make|rethrow|current)_exception_ptr|msg_\w+|enable_shared_from_this"
    r"|to_exception_ptr|const_pointer_cast|is_ptr|proj_ptr")
# Left-over notes. They are looked for everywhere, documentation included.
NOTES = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
NOTES_ALLOWED = {"tools/check_words.py", "tests/tools/check_words_test.py", "CONTRIBUTING.md"}

# Members of other libraries' types stand too: `.ptr` is std::from_chars_result's.
_IDENTIFIER = re.compile(r"(?<!\.)(?<!->)\b[a-z_][A-Za-z0-9_]*")


def clipped_word(identifier):
    """The clipped word in a name, or None."""
    if STANDING.fullmatch(identifier):
        return None
    return next((word for word in identifier.strip("_").split("_") if word in CLIPPED), None)


def check_names(path, text):
    """Clipped words in the identifiers of C++ code and in the file's own name."""
    problems = []
    stem = re.split(r"[/.]", path)[-2]
    if word := clipped_word(stem):
        problems.append(f'{path}: the file\'s name has "{word}": write {CLIPPED[word]}')
    code = cpp_source.without_directives(cpp_source.without_comments(text))
    for match in _IDENTIFIER.finditer(code):
        if word := clipped_word(match.group()):
            problems.append(f"{path}:{cpp_source.line_of(code, match.start())}: "
                            f'{match.group()} has "{word}": write {CLIPPED[word]}')
    return problems


def check_notes(path, text):
    """Notes that ought to be done, or be an issue."""
    if path in NOTES_ALLOWED:
        return []
    return [f"{path}:{cpp_source.line_of(text, match.start())}: {match.group()}: do it, or open "
            "an issue" for match in NOTES.finditer(text)]


def main():
    problems = []
    for path in cpp_source.files():
        text = (cpp_source.ROOT / path).read_text(encoding="utf-8")
        problems += check_names(str(path), text)
    for path in cpp_source.files(endings=(".cpp", ".hpp", ".py", ".md", ".txt", ".cmake", "dev")):
        text = (cpp_source.ROOT / path).read_text(encoding="utf-8")
        problems += check_notes(str(path), text)
    return cpp_source.report(problems, "words")


if __name__ == "__main__":
    sys.exit(main())
