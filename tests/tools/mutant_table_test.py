"""That mutants are read, found and switched as their table says, and refused where it is wrong."""

import unittest

import mutant_table

SOURCE = """int a() {
  return 1;
}
int b() {
  check();
  return 1;
}
"""
TABLE = """# words
mutant b_is_two
hazard 7 9
rule b is one
file b.cpp
 check();
-return 1;
+return 2;
"""
KILLERS = """killer unit_test
kind unit
target some_test
areas core
run {bin}/some_test --fast
environment A=1 B=2
seed seed=(\\d+)
"""


def one(table=TABLE):
    return mutant_table.parse_mutants(table, "core", "core.txt")[0]


def problems(table=TABLE, source=SOURCE):
    return mutant_table.problems(mutant_table.parse_mutants(table, "core", "core.txt"),
                                 mutant_table.parse_killers(KILLERS),
                                 {"b.cpp": source}.get)


class Table(unittest.TestCase):
    def test_a_mutant_has_its_fields(self):
        mutant = one()
        self.assertEqual(("b_is_two", "core", "b.cpp", [7, 9], "b is one"),
                         (mutant.name, mutant.area, mutant.file, mutant.hazards, mutant.rule))
        self.assertEqual("MAINSTAY_MUTANT_B_IS_TWO", mutant.switch)

    def test_a_killer_has_its_fields(self):
        killer = mutant_table.parse_killers(KILLERS)[0]
        self.assertEqual(["{bin}/some_test", "--fast"], killer.run)
        self.assertEqual({"A": "1", "B": "2"}, killer.environment)

    def test_what_is_no_mutant_is_refused(self):
        for broken in (TABLE.replace("file b.cpp\n", ""),
                       TABLE.replace("rule b is one\n", ""),
                       TABLE.replace("hazard", "danger"),
                       TABLE.replace("mutant b_is_two", "bug"),
                       TABLE.replace("-return 1;\n+return 2;\n", ""),
                       TABLE + " check();\n-return 1;\n",
                       TABLE.replace("b_is_two", "B-2")):
            with self.subTest(broken), self.assertRaises(mutant_table.TableError):
                one(broken)


class Switch(unittest.TestCase):
    def test_only_the_line_in_its_context_is_switched(self):
        self.assertEqual(SOURCE.replace("  check();\n  return 1;\n", """  check();
#if MAINSTAY_MUTANT_B_IS_TWO
return 2;
#else
  return 1;
#endif
"""), mutant_table.apply(one(), SOURCE))

    def test_a_line_can_go_or_come(self):
        gone = mutant_table.apply(one(TABLE.replace("+return 2;\n", "")), SOURCE)
        self.assertIn("#if MAINSTAY_MUTANT_B_IS_TWO\n#else\n  return 1;\n#endif\n", gone)
        more = mutant_table.apply(one(TABLE.replace("-return 1;\n", "")), SOURCE)
        self.assertIn("#if MAINSTAY_MUTANT_B_IS_TWO\nreturn 2;\n#endif\n  return 1;\n", more)

    def test_indentation_does_not_count(self):
        self.assertEqual([], problems(source=SOURCE.replace("  ", "      ")))


class Check(unittest.TestCase):
    def test_tables_that_fit_pass(self):
        self.assertEqual([], problems())

    def test_a_line_that_changed_is_reported(self):
        self.assertIn("stand 0 times", problems(source=SOURCE.replace("check", "test"))[0])

    def test_a_line_that_stands_twice_is_reported(self):
        self.assertIn("stand 2 times", problems(TABLE.replace(" check();\n", ""))[0])

    def test_missing_files_and_unknown_names_are_reported(self):
        self.assertIn("does not exist", problems(TABLE.replace("b.cpp", "c.cpp"))[0])
        self.assertIn("is no killer",
                      problems(TABLE.replace("rule", "first other_test\nrule"))[0])
        self.assertIn("already in", problems(TABLE + "\n" + TABLE)[0])


if __name__ == "__main__":
    unittest.main()
