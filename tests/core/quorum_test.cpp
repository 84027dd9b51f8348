/// The one quorum function against a twin that counts naively, and what majorities have to be.
#include "mainstay/core/quorum.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/core/cluster.hpp"

namespace mainstay::core_test {
namespace {

using core::configuration;
using core::member;

/// Some of the nodes 1 to 40, so that both the small and the large way are taken.
rc::Gen<std::vector<member>> some_voters() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::unique<std::vector<std::uint64_t>>(
                          rc::gen::inRange<std::uint64_t>(1, 41))),
                      [](const std::vector<std::uint64_t>& ids) {
                        std::vector<member> members;
                        for (const auto id : std::set(ids.begin(), ids.end()))
                          members.push_back({node_id(id), ""});
                        return members;
                      });
}

/// The largest value that more than half of the voters have reached, by trying each.
std::uint64_t naive_majority(const std::vector<member>& voters,
                             const std::map<node_id, std::uint64_t>& values) {
  std::uint64_t best = 0;
  for (const auto& [id, candidate] : values) {
    std::size_t reached = 0;
    for (const auto& v : voters) reached += values.at(v.id) >= candidate ? 1 : 0;
    if (reached * 2 > voters.size()) best = std::max(best, candidate);
  }
  return best;
}

std::map<node_id, std::uint64_t> random_values() {
  std::map<node_id, std::uint64_t> values;
  for (std::uint64_t id = 1; id <= 40; ++id) {
    values[node_id(id)] = *rc::gen::inRange<std::uint64_t>(0, 12);
  }
  return values;
}

// Hazard 34: computed anew from all members each time; no voter is ever left out of the order.
RC_GTEST_PROP(Quorum, MajorityEqualsTheNaiveCount, ()) {
  const auto voters = *some_voters();
  const auto values = random_values();

  const auto value = core::majority_value(voters, [&](node_id id) { return values.at(id); });

  RC_ASSERT(value == naive_majority(voters, values));
}

// Paper §6: while joint, both majorities must agree.
RC_GTEST_PROP(Quorum, AJointQuorumIsTheLesserOfBothMajorities, ()) {
  const configuration c{.voters = *some_voters(), .outgoing_voters = *some_voters()};
  const auto values = random_values();

  const auto value = core::quorum_value(c, [&](node_id id) { return values.at(id); });

  RC_ASSERT(value ==
            std::min(naive_majority(c.voters, values), naive_majority(c.outgoing_voters, values)));
}

// The reason why majorities are used at all: any two quorums share a voter.
RC_GTEST_PROP(Quorum, TwoQuorumsShareAVoter, ()) {
  const configuration c{.voters = *some_voters()};
  const auto one = *rc::gen::arbitrary<std::set<std::uint64_t>>();
  const auto values = random_values();
  const auto in_one = [&](node_id id) { return values.at(id) % 2 == 0; };
  const auto in_other = [&](node_id id) { return !in_one(id); };

  RC_ASSERT(!(core::is_quorum(c, in_one) && core::is_quorum(c, in_other)));
}

// Hazard 23: copies on members that do not vote make no majority.
TEST(Quorum, LearnersDoNotCount) {
  configuration c = voters(3);
  c.learners = {{node_id(4), ""}, {node_id(5), ""}};

  EXPECT_FALSE(core::is_quorum(c, [](node_id id) { return id >= node_id(3); }));
  EXPECT_TRUE(core::is_quorum(c, [](node_id id) { return id <= node_id(2); }));
}

TEST(Quorum, HalfIsNoMajority) {
  EXPECT_FALSE(core::is_quorum(voters(4), [](node_id id) { return id <= node_id(2); }));
  EXPECT_TRUE(core::is_quorum(voters(4), [](node_id id) { return id <= node_id(3); }));
  EXPECT_TRUE(core::is_quorum(voters(1), [](node_id) { return true; }));
}

}  // namespace
}  // namespace mainstay::core_test
