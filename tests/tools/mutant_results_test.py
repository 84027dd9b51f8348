"""That tries become results, that later hunts add to earlier ones, and that a sample is drawn from
what its killers are to find.
"""

import pathlib
import tempfile
import types
import unittest

import mutant_pages
import mutant_results
import mutant_table
import mutants as tool

TABLE = "\n".join(f"""mutant {name}
rule {name} is one
file b.cpp
-return {name};

""" for name in ("first", "second", "third"))
KILLERS = """killer unit_test
kind unit
target some_test
areas core
run {bin}/some_test

killer simulator
kind simulation
target sim
areas core
run {bin}/sim
seed seed=(\\d+)
"""
MUTANTS = mutant_table.parse_mutants(TABLE, "core", "core.txt")
HUNTERS = mutant_table.parse_killers(KILLERS)


def tried(failed, test="", seed=""):
    return {"failed": failed, "seconds": 1.5, "manner": "fails" if failed else "", "test": test,
            "seed": seed}


def result(**tries):
    return mutant_results.summed_up(MUTANTS[0], HUNTERS, tries)


class Result(unittest.TestCase):
    def test_names_the_first_killer_and_the_seconds_up_to_it(self):
        both = result(simulator=tried(True, seed="7"), unit_test=tried(True, "A.B"))
        late = result(simulator=tried(True, seed="7"), unit_test=tried(False))

        self.assertEqual(("unit_test", "A.B", 1.5), (both["killer"], both["test"], both["seconds"]))
        self.assertEqual(("simulator", "7", 3.0), (late["killer"], late["seed"], late["seconds"]))
        self.assertIsNone(result(unit_test=tried(False))["killer"])


class Results(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "results.json"
        self.results = mutant_results.Results(self.path, HUNTERS)

    def test_a_later_hunt_adds_to_an_earlier_one(self):
        self.results.add(MUTANTS[0], result(unit_test=tried(True, "A.B")))
        self.results.add(MUTANTS[0], result(simulator=tried(True, seed="7")))

        kept = mutant_results.Results(self.path, HUNTERS).of(MUTANTS[0])
        self.assertEqual("unit_test", kept["killer"])
        self.assertEqual("7", kept["tries"]["simulator"]["seed"])

    def test_a_mutant_that_changed_has_no_result(self):
        self.results.add(MUTANTS[0], result(unit_test=tried(True)))
        changed = mutant_table.parse_mutants(TABLE.replace("return first", "return 1"), "core",
                                             "core.txt")[0]

        self.assertTrue(self.results.stands(MUTANTS[0]))
        self.assertFalse(self.results.stands(changed))

    def test_the_page_shows_seeds_and_can_be_read_again(self):
        self.results.add(MUTANTS[0], result(unit_test=tried(True, "A.B"),
                                            simulator=tried(True, seed="7")))
        self.results.add(MUTANTS[1], result(unit_test=tried(False)))

        page = mutant_pages.text(MUTANTS, HUNTERS, self.results, "10.md")
        self.assertIn("| yes | seed 7 |", page)
        self.assertEqual({"first": "unit_test"}, mutant_results.recorded(page))

    def test_only_what_everyone_has_tried_has_survived(self):
        self.results.add(MUTANTS[0], result(unit_test=tried(False)))
        before = mutant_pages.text(MUTANTS, HUNTERS, self.results, "10.md")
        self.results.add(MUTANTS[0], result(simulator=tried(False)))
        after = mutant_pages.text(MUTANTS, HUNTERS, self.results, "10.md")

        self.assertIn("; 3 have not been hunted by all yet.", before)
        self.assertNotIn("**survived**", before)
        self.assertIn("; 2 have not been hunted by all yet.", after)
        self.assertIn("**survived**", after)


class Sample(unittest.TestCase):
    def drawn(self, *words):
        arguments = tool.arguments_of(words)
        recorded = {"first": "unit_test", "second": "simulator"}
        unknown = types.SimpleNamespace(stands=lambda mutant: False)
        return [mutant.name for mutant in tool.chosen(MUTANTS, arguments, unknown, recorded)]

    def test_for_some_killers_holds_what_they_are_to_find(self):
        self.assertEqual(["first"], self.drawn("--sample", "3", "--killers", "unit_test"))
        self.assertEqual(["first", "second"],
                         self.drawn("--sample", "3", "--killers", "unit_test,simulator"))

    def test_without_killers_is_drawn_from_all(self):
        self.assertEqual(3, len(self.drawn("--sample", "3")))
        self.assertEqual(self.drawn("--sample", "2", "--seed", "5"),
                         self.drawn("--sample", "2", "--seed", "5"))

    def test_a_hunt_by_name_asks_for_no_record(self):
        self.assertEqual(["third"], self.drawn("--only", "third", "--killers", "unit_test"))


if __name__ == "__main__":
    unittest.main()
