/// The small parts of a node, each by itself: the submission queue, pending work and its deadlines,
/// what a broken call to the leader means, and the record of ailments.
#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "mainstay/node/forwarding.hpp"
#include "mainstay/node/health.hpp"
#include "mainstay/node/pending_work.hpp"

namespace mainstay::detail {
namespace {

using namespace std::chrono_literals;
using kind = operation::kind;

instant at(duration d) { return instant(d); }

std::unique_ptr<operation> make_operation(kind k, instant deadline, outcomes_handler done,
                                          std::size_t parts = 1) {
  return std::make_unique<operation>(k, std::vector<shared_bytes>(parts), deadline,
                                     std::move(done));
}

/// An operation whose outcome can be looked at.
struct watched {
  explicit watched(kind k, instant deadline = instant::max())
      : op(make_operation(k, deadline, [o = outcome_seen](outcomes all) {
          o->emplace_back(all.front() ? error_code{} : all.front().error().code);
        })) {}
  std::shared_ptr<std::vector<error_code>> outcome_seen =
      std::make_shared<std::vector<error_code>>();
  operation_handle op;
  const std::vector<error_code>& seen() const { return *outcome_seen; }
};

using codes = std::vector<error_code>;

TEST(Operation, CompletesOnce) {
  int completed = 0;
  const auto op = make_operation(kind::write, instant::max(), [&](outcomes) { ++completed; });

  op->complete(outcomes(1));
  op->complete(outcomes(1));
  op->fail_rest({error_code::timed_out, "late", {}});

  EXPECT_EQ(completed, 1);
}

TEST(Operation, BudgetIsGivenBackWithTheOperation) {
  const auto budget = std::make_shared<std::atomic<std::uint64_t>>(0);
  auto op = make_operation(kind::write, instant::max(), [](outcomes) {});

  EXPECT_TRUE(op->charge(budget, op->bytes()));
  EXPECT_EQ(*budget, op->bytes());
  EXPECT_FALSE(make_operation(kind::write, instant::max(), {})->charge(budget, op->bytes()));
  op.reset();

  EXPECT_EQ(*budget, 0u);
}

TEST(Operation, EmptyBatchIsNotFree) {
  EXPECT_GT(make_operation(kind::write, instant::max(), {}, 0)->bytes(), 0u);
}

TEST(SubmissionQueue, TakesInTheOrderOfPushes) {
  submission_queue queue;
  std::vector<operation*> pushed;
  for (int i = 0; i < 3; ++i) {
    auto op = make_operation(kind::write, instant::max(), {});
    pushed.push_back(op.get());
    const auto told = queue.push(op);
    EXPECT_EQ(told, i == 0 ? submission_queue::pushed::first : submission_queue::pushed::more);
  }

  const auto taken = queue.take_all();

  ASSERT_EQ(taken.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(taken[i].get(), pushed[i]);
  EXPECT_TRUE(queue.take_all().empty());
}

TEST(SubmissionQueue, StaysClosed) {
  submission_queue queue;
  auto early = make_operation(kind::write, instant::max(), {});
  queue.push(early);

  EXPECT_EQ(queue.close().size(), 1u);
  EXPECT_TRUE(queue.take_all().empty());  // the question must not open it again
  auto late = make_operation(kind::write, instant::max(), {});

  EXPECT_EQ(queue.push(late), submission_queue::pushed::closed);
  EXPECT_NE(late, nullptr);
}

TEST(SubmissionQueue, ManyThreadsLoseNothingAndKeepTheirOrder) {
  constexpr std::size_t threads = 4, each = 5000;
  submission_queue queue;
  std::atomic<std::size_t> wake_ups = 0;
  std::vector<std::thread> pushers;
  for (std::size_t t = 0; t < threads; ++t) {
    pushers.emplace_back([&, t] {
      for (std::size_t i = 0; i < each; ++i) {
        // Who and which, told by the deadline.
        auto op = make_operation(kind::write, at(duration(t * each + i)), {});
        if (queue.push(op) == submission_queue::pushed::first) ++wake_ups;
      }
    });
  }

  std::array<std::size_t, threads> seen{};
  std::size_t taken = 0, turns = 0;
  while (taken < threads * each) {
    const auto all = queue.take_all();
    if (!all.empty()) ++turns;
    for (const auto& op : all) {
      const auto number = static_cast<std::size_t>(op->deadline().time_since_epoch().count());
      EXPECT_EQ(number % each, seen[number / each]++);
      ++taken;
    }
  }
  for (auto& p : pushers) p.join();

  EXPECT_EQ(wake_ups, turns);  // each filling of the queue wakes the loop exactly once
}

TEST(SubmissionQueue, OperationsPushedDuringCloseAreTakenOrRefused) {
  constexpr std::size_t threads = 4, each = 2000;
  submission_queue queue;
  std::atomic<std::size_t> refused = 0;
  std::vector<std::thread> pushers;
  for (std::size_t t = 0; t < threads; ++t) {
    pushers.emplace_back([&] {
      for (std::size_t i = 0; i < each; ++i) {
        auto op = make_operation(kind::write, instant::max(), {});
        if (queue.push(op) == submission_queue::pushed::closed) ++refused;
      }
    });
  }

  std::size_t taken = 0;
  while (taken < each) taken += queue.take_all().size();
  taken += queue.close().size();
  for (auto& p : pushers) p.join();

  EXPECT_EQ(taken + refused, threads * each);
}

TEST(PendingWork, ExpiresEveryStage) {
  pending_work work;
  watched asked(kind::read, at(5ms)), granted(kind::read, at(5ms)), away(kind::write, at(5ms)),
      written(kind::write, at(5ms)), later(kind::write, at(9ms));
  work.asked[1] = {asked.op};
  work.granted.emplace(log_index(3), operations{granted.op});
  work.send_away({away.op, later.op});
  work.writes.await(log_index(1), term(1), written.op);
  work.watch(at(5ms));
  work.watch(at(9ms));

  work.expire(at(5ms) - 1ns);
  EXPECT_TRUE(written.seen().empty());
  work.expire(at(5ms));

  for (const auto* one : {&asked, &granted, &away, &written}) {
    EXPECT_EQ(one->seen(), codes{error_code::timed_out});
  }
  EXPECT_TRUE(later.seen().empty());
  EXPECT_EQ(work.next_look(), at(9ms));
}

TEST(PendingWork, LateInLineIsRefusedBecauseItWasNeverProposed) {
  pending_work work;
  watched write(kind::write, at(5ms)), read(kind::read, at(5ms));
  work.backlog = {write.op, read.op};
  work.watch(at(5ms));

  work.expire(at(5ms));

  EXPECT_EQ(write.seen(), codes{error_code::overloaded});
  EXPECT_EQ(outcome_of(error_code::overloaded), outcome::refused);
  EXPECT_EQ(read.seen(), codes{error_code::timed_out});
}

// A million operations with a deadline each would otherwise be looked through a million times.
TEST(PendingWork, RestsAfterALookInProportionToWhatItMet) {
  pending_work work;
  std::vector<watched> many;
  for (int i = 0; i < 1000; ++i) {
    many.emplace_back(kind::write, at(5ms + duration(i)));
    work.backlog.push_back(many.back().op);
    work.watch(many.back().op->deadline());
  }

  work.expire(at(5ms));
  work.watch(at(5ms + 1ns));

  EXPECT_EQ(work.next_look(), at(5ms) + 1000 * pending_work::rest_per_operation);
}

TEST(PendingWork, CompletionMayEndEverythingWhileDeadlinesPass) {
  pending_work work;
  int completed = 0;
  const auto end_all = [&](outcomes) {
    ++completed;
    work.fail_all({error_code::shutting_down, "", {}}, {error_code::leadership_lost, "", {}});
  };
  for (std::uint64_t i = 1; i <= 3; ++i) {
    work.writes.await(log_index(i), term(1), make_operation(kind::write, at(5ms), end_all));
    work.backlog.push_back(make_operation(kind::write, at(5ms), end_all));
    work.asked[i] = {make_operation(kind::read, at(5ms), end_all)};
  }
  work.watch(at(5ms));

  work.expire(at(5ms));

  EXPECT_EQ(completed, 9);
}

TEST(PendingWork, EndTellsTheRefusedFromTheUnknown) {
  pending_work work;
  watched in_line(kind::write), written(kind::write), forwarded(kind::write), reading(kind::read),
      asked(kind::read), granted(kind::read);
  work.backlog = {in_line.op};
  work.writes.await(log_index(1), term(1), written.op);
  const auto ticket = work.send_away({forwarded.op, reading.op});
  work.asked[1] = {asked.op};
  work.granted.emplace(log_index(1), operations{granted.op});

  work.fail_all({error_code::shutting_down, "", {}}, {error_code::leadership_lost, "", {}});

  for (const auto* one : {&in_line, &reading, &asked, &granted}) {
    EXPECT_EQ(one->seen(), codes{error_code::shutting_down});
  }
  for (const auto* one : {&written, &forwarded}) {
    EXPECT_EQ(one->seen(), codes{error_code::leadership_lost});
  }
  EXPECT_TRUE(work.bring_back(ticket).empty());
}

// What the network calls not delivered is refused; everything else may have reached the leader.
TEST(ForwardingFailure, IsRefusedOnlyWhenSurelyNotDelivered) {
  using enum error_code;
  for (const auto code : {unreachable, overloaded, invalid_argument}) {
    EXPECT_EQ(forwarding_failure({code, "", {}}).code, code);
  }
  for (const auto code : {timed_out, disconnected, malformed, shutting_down, not_leader, no_space,
                          overwritten, unsupported, io_failed, wrong_identity}) {
    EXPECT_EQ(outcome_of(forwarding_failure({code, "", {}}).code), outcome::unknown)
        << name_of(code);
  }
}

TEST(HealthRecord, TellsTheWorst) {
  health_record health;
  EXPECT_EQ(health.worst(), node_health::sound);
  EXPECT_EQ(health.problem(), "");

  health.set(node_health::apply_failed, "the machine broke");
  health.set(node_health::disk_full, "no space");
  EXPECT_EQ(health.worst(), node_health::apply_failed);
  EXPECT_EQ(health.problem(), "the machine broke");
  health.set(node_health::stopped, "stopped");

  EXPECT_EQ(health.worst(), node_health::stopped);
}

TEST(HealthRecord, AnAilmentThatEndsLeavesTheOthers) {
  health_record health;
  health.set(node_health::apply_failed, "the machine broke");
  health.set(node_health::disk_full, "no space");

  health.clear(node_health::apply_failed);
  EXPECT_EQ(health.worst(), node_health::disk_full);
  health.clear(node_health::disk_full);

  EXPECT_EQ(health.worst(), node_health::sound);
}

}  // namespace
}  // namespace mainstay::detail
