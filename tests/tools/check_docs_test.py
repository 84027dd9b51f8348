"""That examples, links and comments are held to the code."""

import unittest

import check_docs

MARKED = "text\n\n<!-- file: examples/a.cpp -->\n```cpp\nint main() {}\n```\n"


def examples(text, source="int main() {}\n", built=True):
    return check_docs.check_examples("README.md", text, lambda name: source, lambda name: built)


class Examples(unittest.TestCase):
    def test_an_example_equal_to_its_compiled_file_passes(self):
        self.assertEqual([], examples(MARKED))

    def test_one_byte_of_difference_is_refused(self):
        self.assertEqual(["README.md:3: the example differs from examples/a.cpp"],
                         examples(MARKED, source="int main() { }\n"))

    def test_examples_that_nobody_compiles_are_refused(self):
        self.assertIn("not compiled", examples(MARKED, built=False)[0])
        self.assertIn("does not exist", examples(MARKED, source=None)[0])
        self.assertIn("without", examples("```cpp\nint n;\n```\n")[0])

    def test_other_languages_are_left_alone(self):
        self.assertEqual([], examples("```sh\n./dev demo\n```\n"))


class Links(unittest.TestCase):
    def links(self, text):
        return check_docs.check_links(
            "docs/a.md", text, lambda path, name: "docs/b.md" if name == "b.md" else None,
            lambda name: "# First part\n\n## Rules, and `code`\n")

    def test_links_that_lead_somewhere_pass(self):
        self.assertEqual([], self.links("[b](b.md) [c](b.md#first-part) [d](#rules-and-code) "
                                        "[e](https://example.org/x)"))

    def test_links_that_lead_nowhere_are_refused(self):
        self.assertEqual(1, len(self.links("see [x](missing.md)")))
        self.assertEqual(1, len(self.links("see [x](b.md#no-such-heading)")))

    def test_code_is_not_searched_for_links(self):
        self.assertEqual([], self.links("```\n[x](missing.md)\n```\n"))


class Declarations(unittest.TestCase):
    def declarations(self, text):
        return check_docs.check_declarations("mainstay/a.hpp", "/// A file.\n\n" + text)

    def test_documented_groups_pass(self):
        self.assertEqual([], self.declarations(
            "/// One.\nstruct a {\n  int n;\n\n  void f();\n};\n\n/// Two.\nint f();\nint g();\n"))

    def test_undocumented_declarations_are_refused(self):
        for text in ["struct a {", "class a : b {", "enum class a {", "template <class T>",
                     "using a = int;", "result<void> f(const a& b);", "inline int f() {"]:
            self.assertEqual(1, len(self.declarations(text)), text)

    def test_forward_declarations_need_no_words(self):
        self.assertEqual([], self.declarations("class a;\n\nstruct b;\n"))

    def test_details_need_no_words(self):
        self.assertEqual([], self.declarations("namespace detail {\n\nstruct a {};\n\n}\n"))

    def test_a_file_opens_with_what_it_is(self):
        self.assertEqual(1, len(check_docs.check_declarations("mainstay/a.hpp", "int n;\n")))


if __name__ == "__main__":
    unittest.main()
