"""What the hunts of mutants have brought: a file beside the build keeps every try of every killer,
and docs/mutants.md says in the repository who is to find which mutant.
"""

import json
import re
import threading


def hunters_of(mutant, killers):
    """Who may find a mutant, in the order to try."""
    able = [killer for killer in killers if mutant.area in killer.areas]
    return sorted(able, key=lambda killer: killer.name not in mutant.first)


def summed_up(mutant, killers, tries):
    """The result of these tries: the first killer in the order to try, and the seconds up to it."""
    result = {"digest": mutant.digest, "area": mutant.area, "killer": None, "seconds": 0.0,
              "test": "", "seed": "", "manner": "", "tries": tries}
    for killer in hunters_of(mutant, killers):
        tried = tries.get(killer.name)
        if tried is None:
            continue
        result["seconds"] = round(result["seconds"] + tried["seconds"], 1)
        if tried["failed"]:
            result.update(killer=killer.name, test=tried["test"], seed=tried["seed"],
                          manner=tried["manner"])
            break
    return result


class Results:
    """What every mutant's hunts have brought so far. For several threads at once."""

    def __init__(self, path, killers):
        self._path = path
        self._killers = killers
        self._lock = threading.Lock()
        self._all = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def of(self, mutant):
        """The result, or None when there is none for the mutant as it stands."""
        result = self._all.get(mutant.name)
        return result if result and result["digest"] == mutant.digest else None

    def stands(self, mutant):
        """Whether an earlier hunt has killed the mutant as it stands."""
        result = self.of(mutant)
        return result is not None and result["killer"] is not None

    def add(self, mutant, result):
        """Keeps a result; what other killers found earlier stays."""
        with self._lock:
            earlier = self.of(mutant)
            tries = {**(earlier["tries"] if earlier else {}), **result["tries"]}
            self._all[mutant.name] = summed_up(mutant, self._killers, tries)
            self._path.write_text(json.dumps(self._all, indent=1) + "\n", encoding="utf-8")


_ROW = re.compile(r"^\| `(\w+)` \|(?:[^|]*\|){2} (\w+)[,| ]", re.MULTILINE)


def recorded(page):
    """Mutant → killer, as docs/mutants.md has it; only those that were killed."""
    return {name: killer for name, killer in _ROW.findall(page) if killer != "not"}
