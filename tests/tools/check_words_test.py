"""Which names and notes are refused."""

import unittest

import check_words


class Words(unittest.TestCase):
    def test_clipped_words_in_names_are_refused(self):
        for name in ["idx", "next_idx", "cfg_", "read_msg", "node_ptr", "session_mgr_"]:
            self.assertEqual(1, len(check_words.check_names("a.cpp", f"int {name};")), name)

    def test_names_of_the_libraries_stand(self):
        for name in ["std::unique_ptr<int> p", "nullptr_t n", "std::exception_ptr e",
                     "header.msg_iovlen = 1", "std::uintptr_t u"]:
            self.assertEqual([], check_words.check_names("a.cpp", f"{name};"), name)

    def test_comments_and_strings_may_speak_freely(self):
        self.assertEqual([], check_words.check_names("a.cpp", 'f("idx");  // msg'))

    def test_file_names_are_names(self):
        self.assertEqual(1, len(check_words.check_names("core/log_idx.hpp", "")))

    def test_notes_to_self_are_refused(self):
        self.assertEqual(["docs/a.md:2: TODO: do it, or open an issue"],
                         check_words.check_notes("docs/a.md", "a\nTODO later\n"))


if __name__ == "__main__":
    unittest.main()
