"""That functions are found where they are, at their real length, and that the ends hold."""

import unittest

import check_sizes


def names(text):
    return [signature for _, _, signature in check_sizes.functions(text)]


def body(lines):
    return "{\n" + "  work();\n" * lines + "}\n"


class Functions(unittest.TestCase):
    def test_functions_are_found_in_namespaces_and_classes(self):
        self.assertEqual(
            ["int f()", "void g() const", "thing(int a) : a_{a}, b_{}", "~thing()"],
            names("namespace a::b {\nint f() { return 1; }\n"
                  "class thing : public base<int> {\n public:\n  void g() const {}\n"
                  "  thing(int a) : a_{a}, b_{} {}\n  ~thing() { if (x) { y(); } }\n"
                  " private:\n  int a_ = {};\n};\n}"))

    def test_operators_templates_and_trailing_types_are_functions(self):
        self.assertEqual(5, len(names(
            "bool operator==(a x, a y) { return true; }\n"
            "void operator()(int n) const { }\n"
            "template <class T = std::vector<int>>\n  requires(!same<T, int>)\nvoid f(T t) {}\n"
            "auto g() -> int { return 0; }\n"
            "void h(options o = {}) noexcept override {}\n")))

    def test_values_types_and_concepts_are_not_functions(self):
        self.assertEqual([], names(
            "const table names = {{1, 2}, {3, 4}};\nauto f = [](int n) { return n; };\n"
            "enum class kind : int { a, b };\nstruct s { int n{1}; };\n"
            "template <class T>\nconcept c = requires(T t) { t.stop(); };\n"
            "using f = void(int);\nvoid declared();\n"))

    def test_braces_in_literals_and_comments_do_not_count(self):
        self.assertEqual(
            [(1, 5, "void f()")],
            check_sizes.functions("void f() {\n  // }\n  a('}', \"}\", R\"x(})x\");\n"
                                  "  b(1'000); /* } */\n}\nint n;\n"))

    def test_the_signature_counts(self):
        self.assertEqual([(1, 3, "void f( int n)")],
                         check_sizes.functions("void f(\n    int n) {\n}\n"))


class Sizes(unittest.TestCase):
    def test_seventy_lines_pass_and_seventy_one_do_not(self):
        self.assertEqual([], check_sizes.check_file("a.cpp", "void f() " + body(68)))
        self.assertEqual(["a.cpp:1: 71 lines, more than 70: void f()"],
                         check_sizes.check_file("a.cpp", "void f() " + body(69)))

    def test_a_long_member_function_is_found(self):
        text = "namespace n {\nstruct s {\n  int g() const " + body(90) + "};\n}\n"
        self.assertEqual(1, len(check_sizes.check_file("a.hpp", text)))

    def test_a_long_test_is_found(self):
        self.assertEqual(1, len(check_sizes.check_file("a.cpp", "TEST(A, B) " + body(90))))

    def test_files_end_at_800_lines_and_lines_at_100_columns(self):
        self.assertEqual([], check_sizes.check_file("a.cpp", "\n" * 800))
        self.assertEqual(1, len(check_sizes.check_file("a.cpp", "\n" * 801)))
        self.assertEqual([], check_sizes.check_file("a.cpp", "/" * 100))
        self.assertEqual(1, len(check_sizes.check_file("a.cpp", "/" * 101)))

    def test_python_functions_are_measured_too(self):
        text = "def f():\n" + "    work()\n" * 70
        self.assertEqual(1, len(check_sizes.check_file("a.py", text)))


if __name__ == "__main__":
    unittest.main()
