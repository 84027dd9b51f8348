"""Proves tests/mutants/: the lines that a mutant changes still stand in its file, exactly once."""

import sys

import cpp_source
import mutant_table


def check(root):
    """All problems of the tables, as printable lines."""
    def read(name):
        path = root / name
        return path.read_text(encoding="utf-8") if path.is_file() else None
    try:
        mutants, killers = mutant_table.load(root)
    except mutant_table.TableError as error:
        return [str(error)]
    if not mutants:
        return [f"{mutant_table.FOLDER}: there are no mutants"]
    return mutant_table.problems(mutants, killers, read)


if __name__ == "__main__":
    sys.exit(cpp_source.report(check(cpp_source.ROOT), "mutants"))
