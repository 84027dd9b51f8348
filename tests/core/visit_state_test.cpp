/// `raft::visit_state` leaves no member out.
#include <algorithm>
#include <string_view>

#include <gtest/gtest.h>

#include "mainstay/core/raft.hpp"

namespace mainstay::core {
namespace {

/// Follows the members as the compiler lays them out: a member that is not visited leaves a gap.
struct layout {
  const char* begin;
  std::size_t end = 0;
  std::size_t widest = 1;
  bool has_gap = false;

  template <class T>
  void operator()(std::string_view, const T& member) {
    const std::size_t aligned = (end + alignof(T) - 1) / alignof(T) * alignof(T);
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const char*>(&member) - begin);
    has_gap = has_gap || offset != aligned;
    end = offset + sizeof(T);
    widest = std::max(widest, alignof(T));
  }
};

TEST(VisitState, CoversEveryMember) {
  auto settings = valid_config::check(config{});
  initial_state state{.id = node_id(1)};
  state.bootstrap.voters = {{node_id(1), ""}};
  const auto core = raft::start(*settings, std::move(state), instant{});
  ASSERT_TRUE(core);
  layout found{reinterpret_cast<const char*>(&*core)};

  core->visit_state(found);

  EXPECT_FALSE(found.has_gap);
  EXPECT_EQ((found.end + found.widest - 1) / found.widest * found.widest, sizeof(raft));
}

}  // namespace
}  // namespace mainstay::core
