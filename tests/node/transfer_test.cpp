/// Leadership transfer (thesis §3.10) as callers see it: who leads afterwards, and that commands
/// which come meanwhile are answered once, as if nothing had happened.
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::answer_handle;
using testing::fate;
using testing::world;
using words = std::vector<std::string>;

/// What came of a transfer.
struct handed_over {
  int times = 0;
  std::optional<result<node_id>> value;
};

std::shared_ptr<handed_over> transfer(world& w, std::uint64_t from, std::uint64_t to,
                                      instant deadline = instant::max()) {
  auto seen = std::make_shared<handed_over>();
  w[from].transfer(node_id(to), deadline, [seen](result<node_id> r) {
    ++seen->times;
    seen->value = std::move(r);
  });
  return seen;
}

TEST(Transfer, TellsWhoLeads) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);

  const auto seen = transfer(w, leader, next);
  w.until([&] { return seen->value.has_value(); });

  ASSERT_TRUE(*seen->value);
  EXPECT_EQ(**seen->value, node_id(next));
  EXPECT_EQ(w.status(next).role, core::role::leader);
}

TEST(Transfer, CommandsThatComeMeanwhileAreDoneOnce) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);
  std::vector<answer_handle> answers;

  const auto seen = transfer(w, leader, next);
  for (int i = 0; i < 50; ++i) {
    answers.push_back(w.submit(leader, std::to_string(i)));
    w.runtime.step();
  }
  w.until([&] { return seen->value && answers.back()->is_there(); });
  w.until([&] { return w.items(leader).size() == 50; });

  for (const auto& a : answers) {
    EXPECT_EQ(a->times, 1);
    EXPECT_TRUE(*a->value) << a->text();
  }
  EXPECT_EQ(w.items(leader), w.items(next));
}

TEST(Transfer, CommandsGoOnAtOnceWhenTheTargetCannotBeReached) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);
  answer_handle behind_the_fence;
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    if (!std::holds_alternative<core::timeout_now>(r)) return fate{};
    behind_the_fence = w.submit(leader, "a");
    return fate{.what = fate::kind::lost_before_delivery,
                .why = {error_code::unreachable, "no way there", {}}};
  };

  const auto seen = transfer(w, leader, next);
  w.runtime.run();

  ASSERT_TRUE(seen->value && !*seen->value);
  EXPECT_EQ(seen->value->error().code, error_code::unreachable);
  ASSERT_TRUE(behind_the_fence);
  EXPECT_EQ(behind_the_fence->text(), "1");
}

TEST(Transfer, CommandsWaitForTheNextLeaderOnlySoLong) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);
  w.net.script = [](node_id, node_id, const rpc_request& r) {
    const bool asks = std::holds_alternative<core::request_vote>(r);
    return fate{.what = asks ? fate::kind::lost_before_delivery : fate::kind::pass,
                .why = {error_code::timed_out, "lost", {}}};
  };

  const auto seen = transfer(w, leader, next);
  w.runtime.run();
  const auto a = w.submit(leader, "a");
  w.runtime.run();
  EXPECT_FALSE(a->is_there());
  w.runtime.run_for(core::config{}.election_timeout_max);

  EXPECT_EQ(a->times, 1);
  EXPECT_EQ(a->code(), error_code::not_leader);
}

TEST(Transfer, IsRefusedByWhoDoesNotLead) {
  world w(3);
  const auto leader = w.leader();
  const auto other = w.follower_of(leader);

  const auto seen = transfer(w, other, leader);
  w.runtime.run();

  EXPECT_EQ(seen->value->error().code, error_code::not_leader);
}

TEST(Transfer, EndsAtItsDeadline) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);
  w.cut(next);
  w.done(leader, "what it lacks");

  const auto seen = transfer(w, leader, next, w.in(5ms));
  w.runtime.run_for(5ms);

  ASSERT_TRUE(seen->value);
  EXPECT_EQ(seen->value->error().code, error_code::timed_out);
  EXPECT_EQ(seen->times, 1);
}

TEST(Transfer, EndsWithTheNode) {
  world w(3);
  const auto leader = w.leader();
  const auto next = w.follower_of(leader);
  w.cut(next);
  w.done(leader, "what it lacks");
  const auto seen = transfer(w, leader, next);
  w.runtime.run();

  w[leader].stop_on_loop();

  ASSERT_TRUE(seen->value);
  EXPECT_FALSE(*seen->value);
}

TEST(Transfer, ToWhoLeadsAlreadyIsDone) {
  world w(3);
  const auto leader = w.leader();

  const auto seen = transfer(w, leader, leader);
  w.runtime.run();

  ASSERT_TRUE(seen->value && *seen->value);
  EXPECT_EQ(**seen->value, node_id(leader));
}

TEST(Transfer, RefusalNamesWhoLeads) {
  world w(3);
  const auto leader = w.leader();
  const auto other = w.follower_of(leader);

  const auto seen = transfer(w, other, 0);
  w.runtime.run();

  EXPECT_EQ(seen->value->error().leader, node_id(leader));
}

// ---- Making way -------------------------------------------------------------------------------

/// What came of making way.
struct made_way {
  int times = 0;
  std::optional<result<void>> value;
};

std::shared_ptr<made_way> make_way(world& w, std::uint64_t id, instant deadline) {
  auto seen = std::make_shared<made_way>();
  w[id].make_way(deadline, [seen](const result<void>& r) {
    ++seen->times;
    seen->value = r;
  });
  return seen;
}

/// Every word to stand is lost but those to `heir`; none: all of them.
void lose_words(world& w, std::uint64_t heir = 0) {
  w.net.script = [heir](node_id, node_id to, const rpc_request& r) {
    const bool word = std::holds_alternative<core::timeout_now>(r);
    if (!word || to == node_id(heir)) return fate{};
    return fate{.what = fate::kind::lost_before_delivery,
                .why = {error_code::unreachable, "no way there", {}}};
  };
}

TEST(MakingWay, IsDoneWhenAnotherIsKnownToLead) {
  world w(3);
  const auto leader = w.leader();

  const auto seen = make_way(w, leader, w.in(1s));
  w.until([&] { return seen->value.has_value(); });

  EXPECT_TRUE(*seen->value);
  EXPECT_NE(w.status(leader).leader, node_id(leader));
  EXPECT_TRUE(w.status(leader).leader);
}

TEST(MakingWay, IsNothingForWhoDoesNotLead) {
  world w(3);
  const auto leader = w.leader();
  const auto other = w.follower_of(leader);

  const auto seen = make_way(w, other, w.in(1s));
  w.runtime.run();

  ASSERT_TRUE(seen->value);
  EXPECT_TRUE(*seen->value);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
}

TEST(MakingWay, TriesOneAfterTheOther) {
  for (const bool first_is_willing : {true, false}) {
    world w(3);
    const auto leader = w.leader();
    const auto first = w.follower_of(leader);
    const auto willing = first_is_willing ? first : 6 - leader - first;
    w.runtime.run_for(1s);
    lose_words(w, willing);

    const auto seen = make_way(w, leader, w.in(1s));
    w.until([&] { return seen->value.has_value(); });

    EXPECT_TRUE(*seen->value);
    EXPECT_EQ(w.status(leader).leader, node_id(willing));
  }
}

TEST(MakingWay, IsGivenUpWhenNobodyTakesOver) {
  world w(3);
  const auto leader = w.leader();
  w.runtime.run_for(1s);
  lose_words(w);

  const auto seen = make_way(w, leader, w.in(1s));
  w.runtime.run_for(100ms);

  ASSERT_TRUE(seen->value && !*seen->value);
  EXPECT_EQ(seen->value->error().code, error_code::unreachable);
  EXPECT_EQ(w.done(leader, "a").text(), "1");
}

TEST(MakingWay, EndsAtItsDeadline) {
  world w(3);
  const auto leader = w.leader();
  w.runtime.run_for(1s);
  w.net.script = [](node_id, node_id, const rpc_request& r) {
    const bool asks = std::holds_alternative<core::request_vote>(r);
    return fate{.what = asks ? fate::kind::lost_before_delivery : fate::kind::pass,
                .why = {error_code::timed_out, "lost", {}}};
  };

  const auto seen = make_way(w, leader, w.in(50ms));
  w.runtime.run_for(50ms);

  ASSERT_TRUE(seen->value && !*seen->value);
  EXPECT_EQ(seen->value->error().code, error_code::timed_out);
  EXPECT_EQ(seen->times, 1);
}

TEST(MakingWay, EndsWithTheNode) {
  world w(3);
  const auto leader = w.leader();
  const auto seen = make_way(w, leader, w.in(1s));
  w.runtime.step();

  w[leader].stop_on_loop();
  w.runtime.run();

  EXPECT_EQ(seen->times, 1);
}

// ---- A full disk ------------------------------------------------------------------------------

using disk = world::storage_type::mode;

TEST(FullDisk, LeaderHandsOverToWhoHasRoom) {
  world w(3);
  const auto leader = w.leader();
  w.runtime.run_for(1s);
  w.storage(leader).answers = disk::full;

  const auto caught = w.submit(leader, "a");
  w.until([&] { return w.status(leader).leader && w.status(leader).leader != node_id(leader); });

  EXPECT_EQ(w.done(leader, "b").text(), "2");
  w.storage(leader).answers = disk::durable;
  EXPECT_EQ(w.finish(caught).text(), "1");
}

TEST(FullDisk, LeaderTriesToHandOverOnceAnInterval) {
  world w(3, [](node_options& o) { o.own_transfer_interval = 10s; });
  const auto leader = w.leader();
  w.runtime.run_for(1s);
  int words_sent = 0;
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    if (!std::holds_alternative<core::timeout_now>(r)) return fate{};
    ++words_sent;
    return fate{.what = fate::kind::lost_before_delivery,
                .why = {error_code::unreachable, "no way there", {}}};
  };
  w.storage(leader).answers = disk::full;

  w.submit(leader, "a");
  w.runtime.run_for(25s);

  EXPECT_EQ(words_sent, 3);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
}

// ---- Priorities -------------------------------------------------------------------------------

/// Node 3 has a higher priority; leaders give way after two seconds.
void prefer_node_3(node_options& o) {
  o.members.voters[2].priority = 9;
  o.own_transfer_interval = 2s;
}

/// Lets another than node 3 lead; gives whom.
std::uint64_t lead_without_node_3(world& w) {
  w.cut(3);
  const auto leader = w.leader(3);
  w.heal();
  return leader;
}

TEST(Priorities, LeadershipGoesToTheHigherOneAfterAnInterval) {
  world w(3, prefer_node_3);
  const auto leader = lead_without_node_3(w);
  const auto term = w.status(leader).term;

  w.runtime.run_for(1s);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
  w.runtime.run_for(2s);

  EXPECT_EQ(w.status(3).role, core::role::leader);
  EXPECT_EQ(w.status(3).term, term.next());
  w.runtime.run_for(10s);
  EXPECT_EQ(w.status(3).term, term.next());
}

TEST(Priorities, LeaderGivesWayOnceAnInterval) {
  world w(3, prefer_node_3);
  const auto leader = lead_without_node_3(w);
  lose_words(w);
  w.runtime.run_for(2s);
  int words_sent = 0;
  w.net.watch = [&](node_id, const rpc_request& r, instant) {
    words_sent += std::holds_alternative<core::timeout_now>(r) ? 1 : 0;
  };

  w.runtime.run_for(10s);

  EXPECT_EQ(words_sent, 5);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
}

}  // namespace
}  // namespace mainstay
