"""Hunts deliberate bugs: builds each mutant of tests/mutants/ in a copy of the tree, and sets the
tests on it until one fails. A mutant that survives them all shows a check that is missing.
"""

import argparse
import fcntl
import json
import pathlib
import queue
import random
import sys
import threading
import time

import cpp_source
import mutant_pages
import mutant_results
import mutant_table
import mutant_workshop


def arguments_of(words):
    parser = argparse.ArgumentParser(prog="./dev mutants", description=__doc__)
    parser.add_argument("--only", help="these mutants, names with commas between")
    parser.add_argument("--area", help="the mutants of these tables, names with commas between")
    parser.add_argument("--sample", type=int, help="so many of them, drawn with --seed; "
                        "with --killers, of those that these are known to find")
    parser.add_argument("--seed", default="1", help="of the sample (default 1)")
    parser.add_argument("--killers", help="hunt with these only, names with commas between")
    parser.add_argument("--every-killer", action="store_true",
                        help="let every killer try, also when one has found the mutant")
    parser.add_argument("--new", action="store_true",
                        help="pass over mutants whose result of an earlier hunt still stands")
    parser.add_argument("--budget", type=float, default=300,
                        help="seconds of hunting for each mutant (default 300)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once (default 1)")
    parser.add_argument("--json", type=pathlib.Path, help="write the report there as JSON too")
    parser.add_argument("--write-docs", action="store_true",
                        help=f"write {mutant_pages.PAGE} from all results that still stand")
    parser.add_argument("--list", action="store_true", help="only name what would be hunted")
    return parser.parse_args(words)


def chosen(mutants, arguments, results, recorded):
    """The mutants that the arguments ask for, in the order of the tables. `recorded` names the
    killer of each that was ever killed: a sample for some killers holds only what they are to find.
    """
    def listed(text):
        return set(text.split(",")) if text else None
    only, areas = listed(arguments.only), listed(arguments.area)
    unknown = (only or set()) - {mutant.name for mutant in mutants}
    unknown |= (areas or set()) - {mutant.area for mutant in mutants}
    if unknown:
        sys.exit(f"no such mutant or area: {', '.join(sorted(unknown))}")
    found = [mutant for mutant in mutants
             if (not only or mutant.name in only) and (not areas or mutant.area in areas)]
    if arguments.new:
        found = [mutant for mutant in found if not results.stands(mutant)]
    if arguments.sample is not None and arguments.killers:
        able = listed(arguments.killers)
        found = [mutant for mutant in found if recorded.get(mutant.name) in able]
    if arguments.sample is not None and arguments.sample < len(found):
        drawn = random.Random(arguments.seed).sample(range(len(found)), arguments.sample)
        found = [found[i] for i in sorted(drawn)]
    return found


def hunting_with(killers, arguments):
    """The killers that the arguments ask for, in the order of their table."""
    if not arguments.killers:
        return killers
    names = arguments.killers.split(",")
    unknown = set(names) - {killer.name for killer in killers}
    if unknown:
        sys.exit(f"no such killer: {', '.join(sorted(unknown))}")
    return [killer for killer in killers if killer.name in names]


def hunt(workshop, mutant, killers, arguments):
    """Hunts one mutant. Raises BuildError when it does not compile."""
    tries, seconds, found = {}, 0.0, False
    workshop.switch_on(mutant)
    for killer in mutant_results.hunters_of(mutant, killers):
        if seconds > arguments.budget or found and not arguments.every_killer:
            break
        workshop.make(killer)
        outcome = workshop.run(killer)
        seconds += 0.0 if found else outcome.seconds
        found = found or outcome.failed
        tries[killer.name] = {
            "failed": outcome.failed, "seconds": round(outcome.seconds, 1),
            "manner": outcome.manner,
            "test": mutant_workshop.test_in(outcome) if outcome.failed else "",
            "seed": mutant_workshop.seed_in(killer, outcome) if outcome.failed else ""}
    return mutant_results.summed_up(mutant, killers, tries)


class Hunt:
    """All that are to be hunted, by one or several workers."""

    def __init__(self, mutants, killers, arguments, results):
        self._waiting = queue.SimpleQueue()
        for mutant in mutants:
            self._waiting.put(mutant)
        self._killers = killers
        self._arguments = arguments
        self._results = results
        self._lock = threading.Lock()
        self._all = len(mutants)
        self.done = {}
        self.errors = []

    def work(self, workshop):
        """Prepares one copy, and hunts in it until nothing is left."""
        try:
            workshop.prepare()
            areas = {mutant.area for mutant in mutants_in(self._waiting)}
            for killer in self._killers:
                if areas & set(killer.areas):
                    workshop.make(killer)
                    workshop.measure(killer)
        except mutant_workshop.BuildError as error:
            self.errors.append(str(error))
            return
        while True:
            try:
                mutant = self._waiting.get_nowait()
            except queue.Empty:
                break
            self._take(workshop, mutant)
        workshop.switch_off()

    def _take(self, workshop, mutant):
        try:
            result = hunt(workshop, mutant, self._killers, self._arguments)
        except mutant_workshop.BuildError as error:
            with self._lock:
                self.errors.append(f"{mutant.place}: {mutant.name} does not compile:\n{error}")
                self.done[mutant.name] = None
            return
        self._results.add(mutant, result)
        with self._lock:
            self.done[mutant.name] = result
            print(f"[{len(self.done):3} of {self._all}] {mutant.name}: {mutant_pages.said(result)}",
                  flush=True)


def mutants_in(waiting):
    """What a queue holds, without taking it out."""
    taken = []
    while not waiting.empty():
        taken.append(waiting.get_nowait())
    for one in taken:
        waiting.put(one)
    return taken


def report(hunted, mutants, arguments, seconds):
    """Prints how it ended; true when all is well."""
    survivors = [name for name, result in hunted.done.items() if result and not result["killer"]]
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {"version": 1, "seconds": round(seconds, 1), "survivors": survivors,
             "errors": hunted.errors, "mutants": hunted.done}, indent=1) + "\n", encoding="utf-8")
    print(mutant_pages.table([m for m in mutants if hunted.done.get(m.name)], hunted.done.get))
    for error in hunted.errors:
        print(f"error: {error}")
    killed = sum(1 for result in hunted.done.values() if result and result["killer"])
    print(f"{killed} of {len(hunted.done)} killed in {seconds:.0f} s")
    for name in survivors:
        print(f"SURVIVED: {name}: a check is missing")
    return not survivors and not hunted.errors


def main(words):
    arguments = arguments_of(words)
    root = cpp_source.ROOT
    folder = root / "build" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    alone = (folder / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another hunt is under way in {folder}")
    try:
        mutants, killers = mutant_table.load(root)
    except mutant_table.TableError as error:
        sys.exit(str(error))
    results = mutant_results.Results(folder / "results.json", killers)
    page = root / mutant_pages.PAGE
    recorded = mutant_results.recorded(page.read_text(encoding="utf-8")) if page.is_file() else {}
    wanted = chosen(mutants, arguments, results, recorded)
    hunting = hunting_with(killers, arguments)
    if arguments.list:
        print("\n".join(f"{mutant.area:12} {mutant.name}" for mutant in wanted))
        return 0
    started = time.monotonic()
    hunted = Hunt(wanted, hunting, arguments, results)
    if wanted:
        workers = [threading.Thread(target=hunted.work, args=(mutant_workshop.Workshop(
            root, folder / f"worker-{number}"),)) for number in range(1, arguments.jobs + 1)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    sound = report(hunted, wanted, arguments, time.monotonic() - started)
    if arguments.write_docs:
        mutant_pages.write(root, mutants, killers, results)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
