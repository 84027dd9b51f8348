/// A peer's progress against a twin that keeps every message on its way in a list.
#include "mainstay/core/progress.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mainstay::core_test {
namespace {

using core::progress;
using core::progress_state;

struct naive_flight {
  log_index last;
  std::uint64_t bytes;
};

std::uint64_t bytes_of(const std::vector<naive_flight>& flights) {
  std::uint64_t bytes = 0;
  for (const auto& f : flights) bytes += f.bytes;
  return bytes;
}

// Hazards 106, 107: the count of messages and the count of bytes never part from the truth.
RC_GTEST_PROP(Progress, CountsExactlyWhatIsOnItsWay, ()) {
  progress p;
  p.next_index = log_index(1);
  p.become_replicate();
  std::vector<naive_flight> flights;
  log_index acknowledged;

  for (auto steps = *rc::gen::inRange(1, 60); steps > 0; --steps) {
    const auto action = *rc::gen::inRange(0, 10);
    if (action < 5 && p.state == progress_state::replicate) {
      const naive_flight f{p.next_index + *rc::gen::inRange<std::uint64_t>(0, 5),
                           *rc::gen::inRange<std::uint64_t>(64, 500)};
      p.sent(f.last, f.bytes);
      flights.push_back(f);
    } else if (action < 8) {
      const log_index index(*rc::gen::inRange<std::uint64_t>(0, p.next_index.value()));
      RC_ASSERT(p.acknowledge(index) == (index > acknowledged));
      acknowledged = std::max(acknowledged, index);
      std::erase_if(flights, [&](const naive_flight& f) { return f.last <= index; });
    } else {
      if (action == 8) p.become_probe();
      if (action == 9) p.become_replicate();
      flights.clear();
      RC_ASSERT(p.next_index == p.match_index.next());
    }
    RC_ASSERT(p.match_index == acknowledged);
    RC_ASSERT(p.next_index > p.match_index);
    RC_ASSERT(p.in_flight.size() == flights.size());
    RC_ASSERT(p.in_flight_bytes == bytes_of(flights));
  }
}

TEST(Progress, AProbeWaitsForItsAnswer) {
  progress p;
  p.next_index = log_index(5);

  p.sent(log_index(7), 100);

  EXPECT_TRUE(p.probe_sent);
  EXPECT_EQ(p.next_index, log_index(5));
  EXPECT_EQ(p.in_flight_bytes, 0U);
}

TEST(Progress, AnOldAcknowledgementTakesNothingBack) {
  progress p;
  p.become_replicate();
  EXPECT_TRUE(p.acknowledge(log_index(9)));

  EXPECT_FALSE(p.acknowledge(log_index(4)));

  EXPECT_EQ(p.match_index, log_index(9));
  EXPECT_EQ(p.next_index, log_index(10));
}

TEST(Progress, StatesHaveNames) {
  EXPECT_STREQ(core::name_of(progress_state::probe), "probe");
  EXPECT_STREQ(core::name_of(progress_state::replicate), "replicate");
  EXPECT_STREQ(core::name_of(progress_state::snapshot), "snapshot");
}

}  // namespace
}  // namespace mainstay::core_test
