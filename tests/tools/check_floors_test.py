"""What the floors refuse, and what they let through."""

import unittest

import check_floors


def problems(path, *lines):
    return check_floors.check_file(path, "\n".join(lines), lambda name: "missing" not in name)


class Floors(unittest.TestCase):
    def test_lower_floors_and_the_own_folder_may_be_included(self):
        self.assertEqual([], problems("mainstay/node/node.hpp",
                                      '#include "mainstay/core/raft.hpp"',
                                      '#include "mainstay/node/sessions.hpp"',
                                      "#include <boost/asio.hpp>"))

    def test_the_core_must_not_look_up(self):
        self.assertEqual(
            ['mainstay/core/raft.hpp:2: mainstay/core must not include '
             '"mainstay/seams/network.hpp"'],
            problems("mainstay/core/raft.hpp", "#pragma once",
                     '#include "mainstay/seams/network.hpp"'))

    def test_the_lowest_floors_know_the_standard_library_alone(self):
        self.assertEqual(1, len(problems("mainstay/core/raft.cpp", "#include <fmt/format.h>")))
        self.assertEqual(1, len(problems("mainstay/seams/rpc.hpp", "#include <unistd.h>")))
        self.assertEqual([], problems("mainstay/base/ids.hpp", "#include <cstdint>"))
        self.assertEqual([], problems("mainstay/base/checksum.cpp", "#include <xxhash.h>"))

    def test_adapters_include_neither_one_another_nor_the_node(self):
        for included in ["mainstay/storage/memory/memory_engine.hpp",
                         "mainstay/transport/tcp/tcp_client.hpp", "mainstay/node/node.hpp"]:
            self.assertEqual(1, len(problems("mainstay/storage/wal/wal_engine.cpp",
                                             f'#include "{included}"')), included)

    def test_one_engine_shares_parts_of_the_other_but_not_the_reverse(self):
        self.assertEqual([], problems("mainstay/storage/rocksdb/database_log.cpp",
                                      '#include "mainstay/storage/wal/group_index.hpp"'))
        self.assertEqual(1, len(problems("mainstay/storage/wal/wal_engine.cpp",
                                         '#include "mainstay/storage/rocksdb/values.hpp"')))

    def test_nothing_in_the_library_includes_programs(self):
        self.assertEqual(1, len(problems("mainstay/mainstay.hpp", '#include "server/resp.hpp"')))
        self.assertEqual([], problems("tests/server/a.cpp", '#include "server/resp.hpp"'))

    def test_quoted_paths_start_at_the_root(self):
        self.assertIn("is not a file", problems("mainstay/core/a.cpp", '#include "missing.hpp"')[0])

    def test_commented_includes_do_not_count(self):
        self.assertEqual([], problems("mainstay/core/a.cpp", '// #include "server/main.hpp"'))

    def test_a_folder_without_a_floor_is_refused(self):
        self.assertIn("no floor", problems("extra/a.cpp")[0])


if __name__ == "__main__":
    unittest.main()
