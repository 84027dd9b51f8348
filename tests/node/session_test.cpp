/// R11, thesis §6.3: sessions through nodes, whatever becomes of leaders and answers.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay::testing {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

bool is_forward(const rpc_request& r) { return std::holds_alternative<forward_commands>(r); }

session_id open(world& w, std::uint64_t node) {
  auto opened = std::make_shared<std::optional<result<session_id>>>();
  w[node].open_session({}, [opened](result<session_id> r) { *opened = std::move(r); });
  w.until([&] { return opened->has_value(); });
  EXPECT_TRUE(**opened);
  return **opened ? ***opened : 0;
}

result<void> close(world& w, std::uint64_t node, session_id id) {
  auto closed = std::make_shared<std::optional<result<void>>>();
  w[node].close_session(id, {}, [closed](result<void> r) { *closed = std::move(r); });
  w.until([&] { return closed->has_value(); });
  return **closed;
}

submit_options within(session_id id, std::uint64_t serial) {
  return {.session = id, .serial = serial};
}

TEST(SessionsOfANode, CommandSubmittedAgainIsAnsweredAsTheFirstTime) {
  world w(3);
  const auto leader = w.leader();
  const auto id = open(w, leader);

  EXPECT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.finish(w.submit(leader, "b", within(id, 2))).text(), "2");
  EXPECT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");

  EXPECT_EQ(w.items(leader), (words{"a", "b"}));
}

TEST(SessionsOfANode, BatchTakesSerialsOneAfterTheOther) {
  world w(3);
  const auto leader = w.leader();
  const auto id = open(w, leader);
  auto all = std::make_shared<outcomes>();
  w[leader].submit_batch({shared_bytes::copy_of("a"), shared_bytes::copy_of("b")}, within(id, 5),
                         [all](outcomes o) { *all = std::move(o); });
  w.until([&] { return !all->empty(); });

  EXPECT_EQ(w.finish(w.submit(leader, "x", within(id, 6))).text(), "2");
  EXPECT_EQ(w.items(leader), (words{"a", "b"}));
}

TEST(SessionsOfANode, WorkThroughFollowersToo) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);

  const auto id = open(w, follower);
  EXPECT_EQ(w.finish(w.submit(follower, "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");
  EXPECT_TRUE(close(w, follower, id));

  EXPECT_EQ(w.finish(w.submit(follower, "a", within(id, 1))).code(), error_code::session_expired);
  EXPECT_EQ(w.items(leader), (words{"a"}));
}

// Forwarded together in one turn: what is of a session stays what it is, and so do others.
TEST(SessionsOfANode, ForwardingKeepsKindsApart) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  const auto id = open(w, leader);

  const auto a = w.submit(follower, "a");
  const auto b = w.submit(follower, "b", within(id, 1));
  const auto c = w.submit(follower, "c");
  w.finish(c);

  EXPECT_EQ(a->text() + b->text() + c->text(), "123");
  EXPECT_EQ(w.items(leader), (words{"a", "b", "c"}));
}

// The caller of a lost answer knows nothing, and its retry harms nobody.
TEST(SessionsOfANode, RetryAfterALostAnswerIsNotAppliedTwice) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  const auto id = open(w, leader);
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return is_forward(r) ? fate{fate::kind::answer_lost, {error_code::disconnected, "scripted", {}}}
                         : fate{};
  };
  const auto lost = w.finish(w.submit(follower, "a", within(id, 1)));
  ASSERT_EQ(outcome_of(lost.code()), outcome::unknown);
  w.net.script = {};

  EXPECT_EQ(w.finish(w.submit(follower, "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.items(leader), (words{"a"}));
}

// Hazard 112: what was applied is known on every replica, not only where it was asked.
TEST(SessionsOfANode, NextLeaderKnowsWhatWasApplied) {
  world w(3);
  const auto first = w.leader();
  const auto id = open(w, first);
  ASSERT_EQ(w.finish(w.submit(first, "a", within(id, 1))).text(), "1");
  w.cut(first);

  const auto second = w.leader(first);
  EXPECT_EQ(w.finish(w.submit(second, "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.items(second), (words{"a"}));
}

// Hazard 110: a session that ended while its client was away refuses the retry.
TEST(SessionsOfANode, RetryAfterTheSessionsTimeIsRefused) {
  world w(3, [](node_options& o) { o.sessions.time_to_live = 2s; });
  const auto leader = w.leader();
  const auto id = open(w, leader);
  ASSERT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");
  w.runtime.run_for(2s);

  const auto late = w.finish(w.submit(leader, "a", within(id, 1)));

  EXPECT_EQ(late.code(), error_code::session_expired);
  EXPECT_EQ(outcome_of(late.code()), outcome::refused);
  EXPECT_EQ(w.items(leader), (words{"a"}));
}

// The wall clock of a new leader may be behind: the log's time stands still, and no session ends.
TEST(SessionsOfANode, WallClockThatGoesBackEndsNoSession) {
  world w(3, [](node_options& o) { o.sessions.time_to_live = 2s; });
  const auto leader = w.leader();
  const auto id = open(w, leader);
  w.runtime.wall_shift = -100s;

  EXPECT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.finish(w.submit(leader, "a", within(id, 1))).text(), "1");
}

TEST(SessionsOfANode, RestartedNodeRemembersFromItsLog) {
  world w(1);
  const auto id = open(w, w.leader());
  ASSERT_EQ(w.finish(w.submit(1, "a", within(id, 1))).text(), "1");

  w.restart(1);

  EXPECT_EQ(w.finish(w.submit(w.leader(), "a", within(id, 1))).text(), "1");
  EXPECT_EQ(w.items(1), (words{"a"}));
}

TEST(SessionsOfANode, OpeningFailsAsACommandDoes) {
  world w(3);
  const auto leader = w.leader();
  auto opened = std::make_shared<std::optional<result<session_id>>>();

  w[w.follower_of(leader)].open_session({.forward = false},
                                        [opened](result<session_id> r) { *opened = std::move(r); });
  w.until([&] { return opened->has_value(); });

  EXPECT_EQ((*opened)->error().code, error_code::not_leader);
}

/// One client's wish, tried through any node until it is answered; tokens are unique.
struct wish {
  std::uint64_t serial;
  std::vector<answer_handle> tries;
  bool answered(std::string& text) const {
    for (const auto& one : tries) {
      if (!one->value || !*one->value) continue;
      text = one->text();
      return true;
    }
    return false;
  }
};

// Random retries through any node, several at once, lost answers and leaders that are cut off: each
// wish is carried out exactly once, and all its tries that are answered are answered alike.
RC_GTEST_PROP(SessionsProperty, EveryWishIsCarriedOutExactlyOnce, ()) {
  world w(3);
  const auto id = open(w, w.leader());
  std::vector<wish> wishes;
  for (std::uint64_t serial = 1; serial <= 6; ++serial) wishes.push_back({serial, {}});
  const auto steps = *rc::gen::inRange(5, 40);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{8, 0}, {3, 1}, {1, 2}, {1, 3}, {2, 4}, {1, 5}})) {
      case 0: {
        auto& one = wishes[*rc::gen::inRange<std::size_t>(0, wishes.size())];
        one.tries.push_back(w.submit(*rc::gen::inRange<std::uint64_t>(1, 4),
                                     "<" + std::to_string(one.serial) + ">",
                                     within(id, one.serial)));
        break;
      }
      case 1:
        w.runtime.run_for(std::chrono::milliseconds(*rc::gen::inRange(0, 50)));
        break;
      case 2:
        w.cut(*rc::gen::inRange<std::uint64_t>(1, 4));
        w.runtime.run_for(1s);
        break;
      case 3:
        w.heal();
        break;
      case 4:
        w.net.script = [](node_id, node_id, const rpc_request& r) {
          return is_forward(r)
                     ? fate{fate::kind::answer_lost, {error_code::disconnected, "scripted", {}}}
                     : fate{};
        };
        break;
      default:
        w.net.script = {};
        w.restart(*rc::gen::inRange<std::uint64_t>(1, 4));
    }
  }
  w.heal();
  w.net.script = {};
  for (auto& one : wishes) {
    std::string text;
    for (int attempt = 0; attempt < 50 && !one.answered(text); ++attempt) {
      one.tries.push_back(
          w.submit(w.leader(), "<" + std::to_string(one.serial) + ">", within(id, one.serial)));
      w.runtime.run_for(100ms);
    }
    RC_ASSERT(one.answered(text));
    for (const auto& a : one.tries) RC_ASSERT(!a->value || !*a->value || a->text() == text);
  }
  const auto& items = w.items(w.leader());
  for (const auto& one : wishes) {
    RC_ASSERT(std::ranges::count(items, "<" + std::to_string(one.serial) + ">") == 1);
  }
  RC_ASSERT(items.size() == wishes.size());
}

}  // namespace
}  // namespace mainstay::testing
