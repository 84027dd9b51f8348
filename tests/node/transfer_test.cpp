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
  w.done(leader, "first");
  w.until([&] { return w.items(next).size() == 1; });
  w.cut(next);

  const auto seen = transfer(w, leader, next);
  const auto a = w.submit(leader, "a");
  w.runtime.run();

  ASSERT_TRUE(seen->value && !*seen->value);
  EXPECT_EQ(seen->value->error().code, error_code::unreachable);
  EXPECT_EQ(w.finish(a).text(), "2");
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

}  // namespace
}  // namespace mainstay
