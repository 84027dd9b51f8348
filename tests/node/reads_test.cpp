/// Reads at every level of freshness beside the linearizable ones, and the token that leads from a
/// write at one node to a read at another.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::fate;
using testing::world;

void with_leases(node_options& o) { o.core.lease_reads = true; }

/// Counts the requests that leave.
struct traffic {
  explicit traffic(world& w) {
    w.net.script = [this](node_id, node_id, const rpc_request&) {
      ++requests;
      return fate{fate::kind::pass};
    };
  }
  int requests = 0;
};

// ---- Leases -----------------------------------------------------------------------------------

TEST(LeaseReads, AskNobodyWhileTheLeaseLasts) {
  world w(3, with_leases);
  const auto leader = w.leader();
  w.done(leader, "a");
  w.runtime.run_for(60ms);
  traffic sent(w);

  const auto read = w.query(leader, {.level = read_level::lease});
  w.runtime.run();

  EXPECT_EQ(read->text(), "1");
  EXPECT_EQ(sent.requests, 0);
}

TEST(LeaseReads, GoByARoundWhereThereIsNoLease) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "a");
  traffic sent(w);

  const auto read = w.finish(w.query(leader, {.level = read_level::lease}));

  EXPECT_EQ(read.text(), "1");
  EXPECT_GT(sent.requests, 0);
}

TEST(LeaseReads, OfAFollowerAskTheLeader) {
  world w(3, with_leases);
  const auto leader = w.leader();
  w.done(leader, "a");

  const auto read = w.finish(w.query(w.follower_of(leader), {.level = read_level::lease}));

  EXPECT_EQ(read.text(), "1");
}

/// The leader, cut off, sleeps until the others have elected somebody who has answered a write.
std::uint64_t other_leader_writes(world& w, std::uint64_t old) {
  w.cut(old);
  const auto next = w.leader(old);
  w.done(next, "newer");
  return next;
}

// Hazard 47: the query is carried out while the lease holds, and its answer comes when it is over.
TEST(LeaseReads, AreNotAnsweredWhenTheLeaseIsOverMeanwhile) {
  world w(3, with_leases);
  const auto leader = w.leader();
  w.done(leader, "a");
  w.runtime.run_for(60ms);
  const auto read = w.query(leader, {.level = read_level::lease});
  while (w.runtime.step()) {
  }
  ASSERT_TRUE(w.runtime.step_apply());  // the state machine has answered; the loop sleeps
  w.cut(leader);
  w.runtime.pause(200ms);

  w.runtime.run();
  EXPECT_FALSE(read->is_there());

  other_leader_writes(w, leader);
  EXPECT_EQ(w.finish(read).code(), error_code::not_leader);
}

// Hazard 47: the read comes to a node that has not looked at its clock since it slept.
TEST(LeaseReads, LookAtTheClockAfterTheyCame) {
  world w(3, with_leases);
  const auto leader = w.leader();
  w.done(leader, "a");
  w.runtime.run_for(60ms);
  w.cut(leader);
  w.runtime.pause(200ms);

  const auto read = w.query(leader, {.level = read_level::lease});
  w.runtime.run();

  EXPECT_FALSE(read->is_there());
  other_leader_writes(w, leader);
  EXPECT_EQ(w.finish(read).code(), error_code::not_leader);
}

// ---- Bounded staleness ------------------------------------------------------------------------

TEST(BoundedReads, AskNobodyWhileWhatIsKnownIsFreshEnough) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "a");
  const auto follower = w.follower_of(leader);
  ASSERT_EQ(w.finish(w.query(follower)).text(), "1");
  w.runtime.run_for(20ms);
  w.cut(follower);

  const auto read = w.query(follower, {.level = read_level::bounded, .max_age = 100ms});
  w.runtime.run();

  EXPECT_EQ(read->text(), "1");
}

TEST(BoundedReads, AskAnewWhenItIsTooOld) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "a");
  const auto follower = w.follower_of(leader);
  ASSERT_EQ(w.finish(w.query(follower)).text(), "1");
  w.done(leader, "b");
  w.runtime.run_for(20ms);
  w.net.cut.insert(node_id(follower));
  const auto late = w.query(follower, {.level = read_level::bounded, .max_age = 10ms});
  w.runtime.run();
  EXPECT_NE(late->text(), "1");
  w.heal();

  EXPECT_EQ(w.finish(w.query(follower, {.level = read_level::bounded, .max_age = 0ms})).text(),
            "2");
}

// The question's age counts, not the answer's: a write may have been answered in between.
TEST(BoundedReads, CountFromTheQuestion) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "a");
  w.net.script = [](node_id, node_id, const rpc_request& r) {
    return fate{std::holds_alternative<core::append_entries>(r) ? fate::kind::held
                                                                : fate::kind::pass};
  };
  const auto slow = w.query(leader);
  w.runtime.run();
  w.runtime.pause(30ms);
  w.net.script = {};
  ASSERT_EQ(w.finish(slow).text(), "1");
  w.cut(leader);

  const auto read = w.query(leader, {.level = read_level::bounded, .max_age = 20ms});
  w.runtime.run();

  EXPECT_FALSE(read->is_there());
}

// ---- Tokens -----------------------------------------------------------------------------------

TEST(Tokens, LeadFromAWriteToAReadElsewhere) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.cut(follower);
  w.done(leader, "a");
  const log_index token = w[leader].token();

  const auto read = w.query(follower, {.level = read_level::at_least, .least = token});
  w.runtime.run();
  EXPECT_FALSE(read->is_there());
  w.heal();

  EXPECT_EQ(w.finish(read).text(), "1");
}

TEST(Tokens, CoverWritesThatWerePassedOn) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.net.script = [&](node_id, node_id to, const rpc_request& r) {
    const bool kept = to == node_id(follower) && std::holds_alternative<core::append_entries>(r);
    return fate{kept ? fate::kind::held : fate::kind::pass};
  };

  ASSERT_EQ(w.done(follower, "a").text(), "1");

  EXPECT_GE(w[follower].token(), w.status(leader).applied_index);
  EXPECT_LT(w.status(follower).applied_index, w[follower].token());
  w.net.script = {};
}

TEST(Tokens, AreWaitedForWithoutAQuestion) {
  world w(3);
  const auto leader = w.leader();
  const log_index next = w.status(leader).applied_index.next();
  std::vector<result<log_index>> reached;
  const auto keep = [&](result<log_index> r) { reached.push_back(std::move(r)); };
  w[leader].wait_applied(next, instant::max(), std::function<void(result<log_index>)>(keep));
  w[leader].wait_applied(next.next(), w.in(5ms), std::function<void(result<log_index>)>(keep));
  w.runtime.run();
  EXPECT_TRUE(reached.empty());

  w.done(leader, "a");
  w.runtime.run_for(10ms);

  ASSERT_EQ(reached.size(), 2U);
  EXPECT_EQ(reached[0], next);
  EXPECT_EQ(reached[1].error().code, error_code::timed_out);
}

}  // namespace
}  // namespace mainstay
