"""That the page of hazards is believed only when it is whole, and only where its tests exist."""

import unittest

import check_hazards

FILES = {
    "tests/core/some_test.cpp": "// Hazards 1, 2 and\n// H1: a claim.\n"
                                "TEST(Votes, AreKept) {\n  // hazard 4, too\n}\n"
                                "\n// Only a remark.\nTEST(Votes, AreCounted) {}\n",
    "tests/scenarios/story.txt": "# A story; hazard 26.\n\n> cluster 3\n",
    "tests/system/pause_test.py": "class Pauses(SystemTest):\n    # Hazard 49: it stands still.\n"
                                  "    def test_a_pause(self):\n        pass\n",
}
HEAD = "| hazard | what went wrong | here | tests |\n|---|---|---|---|\n"
NAMED = {"1": "`Votes.AreKept`", "2": "`Votes.AreKept`", "4": "`Votes.AreKept`",
         "H1": "`Votes.AreKept`", "26": "`tests/scenarios/story.txt`",
         "49": "`tests/system/pause_test.py::Pauses.test_a_pause`"}


def problems(changed=None, without=(), also=""):
    """What is said of a whole page, after some of its rows were changed."""
    cells = {str(one): "open: snapshots" for one in check_hazards.CATALOGUE}
    cells.update(NAMED)
    cells.update(changed or {})
    lines = [f"| {one} | it broke | it holds | {cell} |" for one, cell in cells.items()
             if one not in without]
    return check_hazards.check(HEAD + "\n".join(lines) + "\n" + also, FILES)


class Hazards(unittest.TestCase):
    def assert_said(self, part, said):
        self.assertTrue(any(part in one for one in said), said)

    def test_a_whole_page_passes(self):
        self.assertEqual([], problems())

    def test_a_missing_number_is_found(self):
        self.assert_said("hazard 37 is missing", problems(without=("37",)))

    def test_numbers_that_nobody_gave_are_refused(self):
        self.assert_said("hazard 3 is not in the catalogue", problems({"3": "open: sessions"}))

    def test_own_numbers_have_no_gap(self):
        self.assert_said("hazard H2 is missing", problems({"H3": "open: sessions"}))

    def test_a_number_stands_there_once(self):
        self.assert_said("hazard 5 stands there twice",
                         problems(also="| 5 | it broke | it holds | open: sessions |\n"))

    def test_a_row_needs_a_test_or_a_part(self):
        self.assert_said("names no test", problems({"5": "surely tested"}))
        self.assert_said("no part is called hope", problems({"5": "open: hope"}))
        self.assertEqual([], problems({"4": "`Votes.AreKept`; open: membership changes"}))

    def test_a_test_that_is_not_there_is_found(self):
        self.assert_said("no test Votes.AreLost", problems({"5": "`Votes.AreLost`"}))
        self.assert_said("no test tests/scenarios/none.txt",
                         problems({"5": "`tests/scenarios/none.txt`"}))
        self.assert_said("no test tests/system/pause_test.py::Pauses.test_none",
                         problems({"5": "`tests/system/pause_test.py::Pauses.test_none`"}))
        self.assert_said("no test Votes.AreLost",
                         problems(also="| one record | entry.hpp | `Votes.AreLost` |\n"))

    def test_a_test_must_say_the_number(self):
        self.assert_said("Votes.AreCounted does not say that it is about hazard 5",
                         problems({"5": "`Votes.AreCounted`"}))

    def test_a_test_that_says_a_number_must_be_in_its_row(self):
        self.assert_said("26: tests/scenarios/story.txt says that it is about it",
                         problems({"26": "open: snapshots"}))

    def test_part_of_a_number_is_not_the_number(self):
        self.assertEqual({"12", "1"}, check_hazards.numbers_in(["// Hazards 12 and 1: x 5."], "/"))
        self.assertEqual(set(), check_hazards.numbers_in(["// 12 hazards, hazardous 3."], "/"))


if __name__ == "__main__":
    unittest.main()
