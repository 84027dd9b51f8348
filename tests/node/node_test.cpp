/// What callers may rely on: outcomes, order, deadlines, and reads that are never too old.
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::answer_handle;
using testing::fate;
using testing::world;
using mode = world::storage_type::mode;
using words = std::vector<std::string>;

bool is_forward(const rpc_request& r) { return std::holds_alternative<forward_commands>(r); }

// ---- R15: commit waiting --------------------------------------------------------------------

// Hazard 116: whoever waits is noted in the turn that proposes, before anything can be applied.
TEST(CommitWaiting, CommandCompletesWithTheMachinesAnswer) {
  world w(3);
  const auto leader = w.leader();

  EXPECT_EQ(w.done(leader, "a").text(), "1");
  EXPECT_EQ(w.done(leader, "b").text(), "2");
}

TEST(CommitWaiting, BatchAnswersInOrder) {
  world w(3);
  const auto leader = w.leader();
  std::optional<outcomes> all;

  w[leader].submit_batch(std::vector<shared_bytes>(100, shared_bytes::copy_of("x")), {},
                         [&](outcomes o) { all = std::move(o); });
  w.until([&] { return all.has_value(); });

  ASSERT_EQ(all->size(), 100u);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ((*all)[i]->text(), std::to_string(i + 1));
}

TEST(CommitWaiting, EmptyBatchCompletes) {
  world w(1);
  std::optional<outcomes> all;

  w[w.leader()].submit_batch({}, {}, [&](outcomes o) { all = std::move(o); });
  w.runtime.run();

  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
}

TEST(CommitWaiting, SubmissionOrderIsLogOrder) {
  world w(3);
  const auto leader = w.leader();
  std::vector<answer_handle> answers;

  for (int i = 0; i < 10'000; ++i) answers.push_back(w.submit(leader, std::to_string(i)));
  w.finish(answers.back());

  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(w.items(leader)[static_cast<std::size_t>(i)], std::to_string(i));
    ASSERT_EQ(answers[static_cast<std::size_t>(i)]->text(), std::to_string(i + 1));
  }
}

TEST(CommitWaiting, NothingIsAnsweredBeforeItIsApplied) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;

  const auto a = w.submit(leader, "a");
  w.runtime.run_for(100ms);
  EXPECT_EQ(w.status(leader).commit_index, w.status(leader).last_index);
  EXPECT_FALSE(a->is_there());
  w.runtime.apply_is_held = false;

  EXPECT_EQ(w.finish(a).text(), "1");
}

TEST(CommitWaiting, NothingIsAnsweredBeforeItIsDurable) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;

  const auto a = w.submit(leader, "a");
  w.runtime.run_for(50ms);
  EXPECT_FALSE(a->is_there());
  w.storage(leader).release();
  w.runtime.run();

  EXPECT_EQ(a->text(), "1");
}

// Rejection on leadership loss: nobody knows yet whether the next leader keeps the command.
// Hazard 115: the writers on a deposed leader are told, and do not hang.
TEST(LeadershipLoss, UncommittedCommandIsUnknown) {
  world w(3);
  const auto leader = w.leader();
  w.cut(leader);

  EXPECT_EQ(w.done(leader, "lost").code(), error_code::leadership_lost);
}

TEST(LeadershipLoss, TheNextLeaderGoesOn) {
  world w(3);
  const auto first = w.leader();
  w.done(first, "a");
  w.cut(first);

  const auto second = w.leader(first);

  EXPECT_EQ(w.done(second, "b").text(), "2");
  w.heal();
  w.until([&] { return w.items(first) == words{"a", "b"}; });
}

TEST(LeadershipLoss, RefusedCommandsAreNeverApplied) {
  world w(3);
  const auto first = w.leader();
  w.cut(first);
  w.finish(w.submit(first, "unknown"));  // its leadership is over
  const auto refused = w.submit(first, "refused");
  w.runtime.run();

  EXPECT_EQ(outcome_of(refused->code()), outcome::refused);
  const auto second = w.leader(first);
  w.heal();
  w.done(second, "b");
  w.until([&] { return w.items(first) == words{"b"}; });
}

// ---- Forwarding -----------------------------------------------------------------------------

TEST(Forwarding, FollowerPassesCommandsOnToTheLeader) {
  world w(3);
  const auto follower = w.follower_of(w.leader());

  EXPECT_EQ(w.done(follower, "a").text(), "1");
}

TEST(Forwarding, WithoutItTheFollowerNamesTheLeader) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);

  const auto a = w.finish(w.submit(follower, "a", {.forward = false}));

  EXPECT_EQ(a.code(), error_code::not_leader);
  EXPECT_EQ(a.value->error().leader, node_id(leader));
}

TEST(Forwarding, KeepsTheOrderOfSubmission) {
  world w(3, [](node_options& o) { o.max_forward_bytes = 1024; });  // many calls
  const auto follower = w.follower_of(w.leader());
  std::vector<answer_handle> answers;

  for (int i = 0; i < 100; ++i) answers.push_back(w.submit(follower, std::to_string(i)));
  w.finish(answers.back());

  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(answers[static_cast<std::size_t>(i)]->text(), std::to_string(i + 1));
  }
}

TEST(Forwarding, UndeliveredCommandIsRefusedAndNeverApplied) {
  for (const auto code :
       {error_code::unreachable, error_code::overloaded, error_code::invalid_argument}) {
    world w(3);
    const auto leader = w.leader();
    const auto follower = w.follower_of(leader);
    w.net.script = [&](node_id, node_id, const rpc_request& r) {
      return is_forward(r) ? fate{fate::kind::lost_before_delivery, {code, "scripted", {}}}
                           : fate{};
    };

    EXPECT_EQ(outcome_of(w.done(follower, "a").code()), outcome::refused) << name_of(code);
    w.runtime.run_for(1s);
    EXPECT_TRUE(w.items(leader).empty());
  }
}

// The command is applied all the same: whoever calls this refused would be lying.
TEST(Forwarding, CommandWhoseAnswerWasLostIsUnknown) {
  for (const auto code : {error_code::timed_out, error_code::disconnected, error_code::malformed,
                          error_code::shutting_down}) {
    world w(3);
    const auto leader = w.leader();
    const auto follower = w.follower_of(leader);
    w.net.script = [&](node_id, node_id, const rpc_request& r) {
      return is_forward(r) ? fate{fate::kind::answer_lost, {code, "scripted", {}}} : fate{};
    };

    EXPECT_EQ(outcome_of(w.done(follower, "a").code()), outcome::unknown) << name_of(code);
    EXPECT_EQ(w.items(leader), words{"a"});
  }
}

TEST(Forwarding, AnswerThatDoesNotFitIsUnknown) {
  world w(3);
  const auto follower = w.follower_of(w.leader());
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return fate{is_forward(r) ? fate::kind::held : fate::kind::pass};
  };
  const rpc_response misfits[] = {
      forward_commands_response{},
      forward_commands_response{{shared_bytes{}, shared_bytes{}}},
      core::append_entries_response{},
  };

  for (const auto& misfit : misfits) {
    const auto a = w.submit(follower, "a");
    w.until([&] { return !w.net.held.empty(); });
    w.net.held.front()(misfit);
    w.net.held.pop_front();
    EXPECT_EQ(outcome_of(a->code()), outcome::unknown);
  }
}

TEST(Forwarding, LeaderThatNeverAnswersCostsTheDeadlineOnly) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return fate{is_forward(r) ? fate::kind::held : fate::kind::pass};
  };

  const auto a = w.submit(follower, "a", {.deadline = w.in(50ms)});
  w.runtime.run_for(51ms);
  EXPECT_EQ(a->code(), error_code::timed_out);
  w.net.held.front()(forward_commands_response{{shared_bytes{}}});  // late
  w.runtime.run();

  EXPECT_EQ(a->times, 1);
}

TEST(Forwarding, NodeThatNoLongerServesRefusesAtOnce) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w[leader].stop_on_loop();  // its host still listens

  const auto a = w.submit(follower, "a");
  w.runtime.run();

  EXPECT_EQ(a->code(), error_code::not_leader);
}

TEST(Forwarding, ForwardedCommandIsNotPassedOnAgain) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  std::optional<rpc_response> response;

  (*w.net.listening.at(node_id(follower)))(node_id(leader), group_id(1),
                                           forward_commands{{shared_bytes::copy_of("a")}},
                                           [&](rpc_response r) { response = std::move(r); });
  w.runtime.run();

  ASSERT_TRUE(response);
  const auto& all = std::get<forward_commands_response>(*response).outcomes;
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].error().code, error_code::not_leader);
}

// ---- R21: linearizable reads ----------------------------------------------------------------

TEST(LinearizableReads, FollowerSeesWhatTheLeaderAnswered) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);

  for (int i = 1; i <= 50; ++i) {
    w.done(leader, "x");
    EXPECT_EQ(w.finish(w.query(follower)).text(), std::to_string(i));
  }
}

TEST(LinearizableReads, IsolatedLeaderRefuses) {
  world w(3);
  const auto leader = w.leader();
  w.cut(leader);

  EXPECT_EQ(outcome_of(w.finish(w.query(leader)).code()), outcome::refused);
}

// Hazards 43, 46: the old leader does not know yet that another one has answered a write.
TEST(LinearizableReads, OldLeaderNeverAnswersFromBeforeANewWrite) {
  world w(3);
  const auto first = w.leader();
  w.done(first, "a");
  w.net.script = [&](node_id from, node_id to, const rpc_request&) {
    const bool severed = from == node_id(first) || to == node_id(first);
    return severed ? fate{fate::kind::lost_before_delivery, {error_code::timed_out, "", {}}}
                   : fate{};
  };

  const auto read = w.query(first);
  const auto second = w.leader(first);
  w.done(second, "b");

  EXPECT_FALSE(read->value && *read->value);
}

// Hazard 44: what the log knows to be committed is not yet what the state machine shows.
TEST(LinearizableReads, WaitForTheStateMachineToCatchUp) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  w.submit(leader, "a");
  w.runtime.run_for(10ms);

  const auto read = w.query(leader);
  w.runtime.run_for(10ms);
  EXPECT_FALSE(read->is_there());
  w.runtime.apply_is_held = false;
  w.runtime.run();

  EXPECT_EQ(read->text(), "1");
}

TEST(LinearizableReads, AnswersOfAFollowerWaitForItsOwnStateMachine) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.done(leader, "a");
  w.until([&] { return w.items(follower).size() == 1; });
  w.storage(follower).answers = mode::stalled;  // "b" is committed without it
  w.done(leader, "b");

  const auto read = w.query(follower);
  w.runtime.run_for(100ms);
  EXPECT_FALSE(read->is_there());
  w.storage(follower).answers = mode::durable;
  w.storage(follower).release();

  EXPECT_EQ(w.finish(read).text(), "2");
}

TEST(LinearizableReads, ConcurrentReadsShareARound) {
  world w(3);
  const auto leader = w.leader();
  std::size_t calls = 0;
  w.net.script = [&](node_id, node_id, const rpc_request&) {
    ++calls;
    return fate{};
  };
  std::vector<answer_handle> reads;

  for (int i = 0; i < 1000; ++i) reads.push_back(w.query(leader));
  w.runtime.run();

  for (const auto& r : reads) ASSERT_EQ(r->text(), "0");
  EXPECT_LE(calls, 4u);  // one heartbeat to each follower, and one more at the most
}

TEST(LinearizableReads, LostLeadershipFailsThem) {
  world w(3);
  const auto leader = w.leader();
  w.cut(leader);

  const auto read = w.query(leader);
  w.runtime.run_for(1s);

  EXPECT_EQ(read->code(), error_code::not_leader);
  EXPECT_EQ(read->times, 1);
}

TEST(LinearizableReads, HigherTermInAnAnswerFailsThem) {
  world w(3);
  const auto leader = w.leader();
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return fate{std::holds_alternative<core::append_entries>(r) ? fate::kind::held
                                                                : fate::kind::pass};
  };
  const auto read = w.query(leader);
  w.runtime.run();
  ASSERT_FALSE(w.net.held.empty());

  const term newer = w.status(leader).term.next();
  w.net.held.front()(core::append_entries_response{.term = newer});
  w.runtime.run();

  EXPECT_EQ(read->code(), error_code::not_leader);
}

TEST(StaleReads, AnswerWithoutAnyoneElse) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "a");
  w.cut(leader);

  const auto read = w.query(leader, {.level = read_level::stale});
  w.runtime.run();

  EXPECT_EQ(read->text(), "1");
}

// ---- Deadlines ------------------------------------------------------------------------------

TEST(Deadlines, CommandWithoutQuorumTimesOutAndIsUnknown) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;

  const auto a = w.submit(leader, "a", {.deadline = w.in(5ms)});
  w.runtime.run_for(6ms);
  EXPECT_EQ(a->code(), error_code::timed_out);
  w.storage(leader).release();
  w.runtime.run();

  EXPECT_EQ(w.items(leader), words{"a"});  // unknown was the truth
  EXPECT_EQ(a->times, 1);
}

TEST(Deadlines, CommandPastItsDeadlineIsRefusedAndNeverProposed) {
  world w(1);
  const auto leader = w.leader();

  const auto a = w.submit(leader, "a", {.deadline = w.runtime.now()});
  w.runtime.run();

  EXPECT_EQ(outcome_of(a->code()), outcome::refused);
  w.done(leader, "b");
  EXPECT_EQ(w.items(leader), words{"b"});
}

TEST(Deadlines, CommandThatPassesItWhileInLineIsRefusedAndNeverProposed) {
  world w(1);
  const auto leader = w.leader();
  for (int i = 0; i < 4096; ++i) w.submit(leader, "x");
  const auto late = w.submit(leader, "late", {.deadline = w.in(5ms)});

  w.runtime.step();  // a turn's worth is taken; "late" stays in line
  w.runtime.pause(10ms);
  w.runtime.run();

  EXPECT_EQ(outcome_of(late->code()), outcome::refused);
  EXPECT_EQ(w.items(leader).size(), 4096u);
}

TEST(Deadlines, ReadsTimeOutAtEveryStage) {
  world w(3);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  const auto granted_or_running = w.query(leader, {.deadline = w.in(20ms)});
  w.runtime.run_for(10ms);
  w.cut(leader);
  const auto asked = w.query(leader, {.deadline = w.in(10ms)});

  w.runtime.run_for(11ms);

  EXPECT_EQ(granted_or_running->code(), error_code::timed_out);
  EXPECT_EQ(asked->code(), error_code::timed_out);
  w.heal();
  w.runtime.apply_is_held = false;
  w.runtime.run_for(1s);
  EXPECT_EQ(granted_or_running->times, 1);
  EXPECT_EQ(asked->times, 1);
}

TEST(Deadlines, PassInTheSameTurnForAllThatAreDue) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  std::vector<answer_handle> all;
  for (int i = 1; i <= 20; ++i) {
    all.push_back(w.submit(leader, "x", {.deadline = w.in(std::chrono::milliseconds(i))}));
  }

  w.runtime.run_for(100us);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(all[i]->is_there());
    w.runtime.run_for(1ms);
    EXPECT_TRUE(all[i]->is_there()) << i;
  }
}

// ---- Budgets --------------------------------------------------------------------------------

TEST(Overload, PendingBytesAreBounded) {
  world w(1, [](node_options& o) { o.max_pending_bytes = (1 << 20) + 1024; });
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  const std::string large(700 * 1024, 'x');
  const auto first = w.submit(leader, large);

  const auto second = w.submit(leader, large);
  w.runtime.run();
  EXPECT_EQ(second->code(), error_code::overloaded);
  w.storage(leader).answers = mode::durable;
  w.storage(leader).release();
  w.runtime.run();

  EXPECT_EQ(first->text(), "1");
  EXPECT_EQ(w.done(leader, large).text(), "2");  // the budget was given back
}

TEST(Overload, EmptyBatchesAreBoundedToo) {
  world w(1, [](node_options& o) { o.max_pending_bytes = (1 << 20) + 1024; });
  const auto leader = w.leader();

  for (int i = 0; i < 20'000; ++i) {
    w[leader].submit_batch({}, {}, [](outcomes) {});
  }
  const auto one_more = w.submit(leader, "a");
  w.runtime.run();

  EXPECT_EQ(one_more->code(), error_code::overloaded);
}

TEST(Overload, UncommittedBytesAreBoundedAllOrNothing) {
  world w(1, [](node_options& o) {
    o.core.max_command_bytes = 1000;
    o.core.max_uncommitted_bytes = 2000;
  });
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  w.submit(leader, std::string(1000, 'x'));
  std::optional<outcomes> batch;
  w[leader].submit_batch(std::vector<shared_bytes>(2, shared_bytes::copy_of(std::string(500, 'y'))),
                         {}, [&](outcomes o) { batch = std::move(o); });
  w.runtime.run();

  ASSERT_TRUE(batch);
  for (const auto& one : *batch) EXPECT_EQ(one.error().code, error_code::overloaded);
  w.storage(leader).answers = mode::durable;
  w.storage(leader).release();
  w.runtime.run();
  EXPECT_EQ(w.items(leader).size(), 1u);
}

TEST(Overload, RequestsOfPeersThatCannotBeAnsweredAreBounded) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.storage(follower).answers = mode::stalled;
  const auto alive = std::make_shared<int>();
  core::append_entries request{.term = w.status(leader).term.next()};  // a term to be made durable

  for (int i = 0; i < 50'000; ++i) {
    (*w.net.listening.at(node_id(follower)))(node_id(leader), group_id(1), request,
                                             [alive](rpc_response) {});
  }

  EXPECT_LE(alive.use_count(), 16 * 1024 + 1);
}

// ---- Peers ----------------------------------------------------------------------------------

TEST(Peers, RequestInTheNodesOwnNameIsDropped) {
  world w(3);
  const auto alive = std::make_shared<int>();

  (*w.net.listening.at(node_id(1)))(node_id(1), group_id(1), core::append_entries{.term = term(9)},
                                    [alive](rpc_response) {});
  w.runtime.run();

  EXPECT_EQ(alive.use_count(), 1);  // the responder is not kept
}

TEST(Peers, AnswerOfAnotherKindCountsAsNone) {
  world w(3);
  const auto leader = w.leader();
  const term t = w.status(leader).term;
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return fate{std::holds_alternative<core::append_entries>(r) ? fate::kind::held
                                                                : fate::kind::pass};
  };
  w.runtime.run_for(60ms);  // a heartbeat
  ASSERT_FALSE(w.net.held.empty());

  w.net.held.front()(core::request_vote_response{.term = t.next()});
  w.net.held.pop_front();
  w.runtime.run();

  EXPECT_EQ(w.status(leader).term, t);
}

TEST(Peers, AnswersToAnOlderIncarnationAreIgnored) {
  world w(3);
  const auto leader = w.leader();
  w.net.script = [&](node_id from, node_id, const rpc_request& r) {
    const bool hold = from == node_id(leader) && std::holds_alternative<core::append_entries>(r);
    return fate{hold ? fate::kind::held : fate::kind::pass};
  };
  w.runtime.run_for(60ms);
  ASSERT_FALSE(w.net.held.empty());
  auto late = std::exchange(w.net.held, {});
  w.restart(leader);
  const auto before = w.status(leader).term;

  for (auto& done : late) done(core::append_entries_response{.term = term(1000)});
  w.runtime.run();

  EXPECT_EQ(w.status(leader).term, before);
}

}  // namespace
}  // namespace mainstay
