/// Leases that do not add up, each refused by the naive twin with the rule that it breaks.
#include <chrono>

#include "tests/simulation/twin_harness.hpp"

namespace mainstay::simulation_test {
namespace {

using std::chrono::milliseconds;

core::config with_leases() { return {.pre_vote = false, .lease_reads = true}; }

/// A leader of term 1, one of three, whose no-op is committed; node 2 has answered round 1, which
/// began at the election.
class TwinLeases : public testing::Test {
 protected:
  TwinLeases() {
    node.lead();
    node.settle();
    auto answer = success(1, 1, 1);
    answer.lease_promise = 150'000;
    node.receive(2, answer);
    node.turn();
  }
  std::string rule_of_grant_by_lease() {
    return node.rule_when([](core::ready& r) { r.granted_reads = {{5, log_index(1), true}}; });
  }
  followed node{{.settings = with_leases()}};
};

TEST_F(TwinLeases, LastAsLongAsTheyWerePromised) {
  node.pass(milliseconds(148));
  node.core().read(5, core::read_basis::lease);

  EXPECT_EQ(rule_of_grant_by_lease(), "");
}

TEST_F(TwinLeases, AreOverWhenThePromiseMayBe) {
  node.pass(milliseconds(149));
  node.core().read(5, core::read_basis::lease);

  EXPECT_RULE(rule_of_grant_by_lease(), "thesis §6.4, step 3");
}

TEST_F(TwinLeases, AreForReadsThatAskForThem) {
  node.core().read(5);

  EXPECT_RULE(rule_of_grant_by_lease(), "thesis §6.4, step 3");
}

TEST_F(TwinLeases, CountFromTheRoundAndNotFromTheAnswer) {
  node.pass(milliseconds(100));
  auto late = success(1, 1, 1);
  late.lease_promise = 150'000;
  node.receive(3, late);
  node.pass(milliseconds(49));
  node.core().read(5, core::read_basis::lease);

  EXPECT_RULE(rule_of_grant_by_lease(), "thesis §6.4, step 3");
}

TEST_F(TwinLeases, EndWhenSomebodyIsToldToStand) {
  ASSERT_TRUE(node.core().transfer(node_id(2)).has_value());
  node.turn();
  node.core().read(5, core::read_basis::lease);

  EXPECT_RULE(rule_of_grant_by_lease(), "thesis §6.4, step 3");
}

/// A follower of node 2, in term 1.
class TwinPromises : public testing::Test {
 protected:
  TwinPromises() {
    node.pass(milliseconds(150));
    node.receive(2, append(1, 0, 0, {1}));
    node.settle();
    node.receive(2, append(1, 1, 1, {}));
  }
  followed node{{.settings = with_leases()}};
};

TEST_F(TwinPromises, AreNoLongerThanVotesAreRefused) {
  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::append_entries_response>(r).lease_promise += 1;
  }),
              "thesis §6.4.1: only a follower promises");
}

TEST_F(TwinPromises, AreNotMadeToOldLeaders) {
  node.turn();
  node.receive(3, append(0, 0, 0, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::append_entries_response>(r).lease_promise = 1;
  }),
              "thesis §6.4.1: only a follower promises");
}

TEST_F(TwinPromises, AreKeptThoughTheTermIsOver) {
  node.turn();
  node.receive(3, core::read_index{term(4)});
  node.pass(milliseconds(149));

  EXPECT_RULE(rule_after(node, 3, core::request_vote{term(5), log_index(9), term(4)},
                         [](appearance& seen) { seen.state = {term(5), node_id(3)}; }),
              "thesis §6.4.1: who has promised");
}

TEST(TwinRestarts, GiveNoVoteThatMayHaveBeenPromisedAway) {
  followed node({.settings = with_leases()});
  node.pass(milliseconds(149));

  EXPECT_RULE(rule_after(node, 3, core::request_vote{term(5), log_index(9), term(4)},
                         [](appearance& seen) { seen.state = {term(5), node_id(3)}; }),
              "thesis §6.4.1: who has promised");
}

}  // namespace
}  // namespace mainstay::simulation_test
