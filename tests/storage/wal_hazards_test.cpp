// How logs of other systems broke, tried on ours: what docs/hazards.md lists and the tests of
// damage, faults and crashes do not cover.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;

class CompactedWal : public testing::Test {
 protected:
  /// Entries 1 to `last` of 1000 bytes over several segments, then all up to `base` go.
  static void fill(wal::segmented_log& log, std::uint64_t last, std::uint64_t base) {
    for (std::uint64_t i = 1; i <= last; ++i) {
      ASSERT_TRUE(write_durably(log, batch_of({entry_at(i, 1, 1000)})).has_value());
    }
    ASSERT_TRUE(log.add_base(group_id(1), log_index(base)).has_value());
    ASSERT_TRUE(log.flush().has_value());
    ASSERT_TRUE(log.maintain().has_value());
  }

  simulated_disk files_;
};

// Hazard 5: the segment that held the only record of the vote goes; the vote stays.
TEST_F(CompactedWal, KeepsTermAndVote) {
  auto opened = open_log(files_);
  const core::hard_state voted{term(5), node_id(2)};
  ASSERT_TRUE(write_durably(*opened.log, batch_of(voted)).has_value());
  fill(*opened.log, 60, 60);
  const auto paths = files_.paths();
  ASSERT_EQ(std::ranges::find(paths, segment_path(1)), paths.end());
  opened.close();

  EXPECT_EQ(open_log(files_)->state_of(group_id(1), 0)->hard_state, voted);
}

// Hazard 76: a log that no longer begins at 1 takes entries, is killed, and opens again.
TEST_F(CompactedWal, OpensAgainAlthoughItDoesNotBeginAtOne) {
  auto opened = open_log(files_);
  fill(*opened.log, 60, 60);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(61, 63, 2))).has_value());
  opened.close();

  for (const auto kind : {crash_kind::lost, crash_kind::kept, crash_kind::torn}) {
    random_generator random(1);
    auto image = files_.crash(kind, random);
    auto recovered = open_log(*image);
    EXPECT_EQ(recovered->state_of(group_id(1), 0)->base_index, log_index(60));
    EXPECT_EQ(entries_in(*recovered.log), entries_of(61, 63, 2));
  }
}

}  // namespace

}  // namespace mainstay
