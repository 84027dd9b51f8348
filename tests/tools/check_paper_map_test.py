"""That the map is believed only where function and test exist."""

import unittest

import check_paper_map

FILES = {
    "mainstay/core/replication.cpp": "void raft::advance_commit_index() {}\n// only_a_comment()\n",
    "tests/scenarios/figure_8.txt": "…",
}
HEAD = "| section | rule | functions | tests |\n|---|---|---|---|\n"
FUNCTION = "`raft::advance_commit_index` in [replication.cpp](../mainstay/core/replication.cpp)"
TESTS = {"LogMatching.SuffixYields"}


def problems(*cells):
    return check_paper_map.check(HEAD + "| " + " | ".join(cells) + " |\n", TESTS, FILES.get)


class PaperMap(unittest.TestCase):
    def test_a_row_whose_parts_exist_passes(self):
        self.assertEqual([], problems("§5.4.2", "rule", FUNCTION, "`LogMatching.SuffixYields`"))
        self.assertEqual([], problems("§5.4.2", "rule", FUNCTION,
                                      "`tests/scenarios/figure_8.txt`"))

    def test_missing_parts_are_named(self):
        other = FUNCTION.replace("advance_commit_index", "only_a_comment")
        self.assertIn("raft::only_a_comment is not in",
                      problems("§1", "r", other, "`LogMatching.SuffixYields`")[0])
        self.assertIn("does not exist", problems("§1", "r", "`f` in [x](../mainstay/x.cpp)",
                                                 "`LogMatching.SuffixYields`")[0])
        self.assertIn("no test A.B", problems("§1", "r", FUNCTION, "`A.B`")[0])
        self.assertIn("does not exist", problems("§1", "r", FUNCTION,
                                                 "`tests/scenarios/none.txt`")[0])

    def test_rows_without_function_or_test_are_refused(self):
        self.assertEqual(2, len(problems("§1", "rule", "the core", "some test")))
        self.assertEqual(1, len(problems("§1", "rule")))

    def test_an_empty_map_is_refused(self):
        self.assertEqual(1, len(check_paper_map.check("# Map\n", TESTS, FILES.get)))

    def test_every_kind_of_test_is_seen(self):
        found = check_paper_map.defined_tests(
            ["TEST(A, B) {}\nTEST_F(C, D) {}\nRC_GTEST_PROP(E, F, (int n)) {}\n"
             "TYPED_TEST_P(G,\n             H) {}"])
        self.assertEqual({"A.B", "C.D", "E.F", "G.H"}, found)


if __name__ == "__main__":
    unittest.main()
