/// R15: a submitted command completes when it is committed and applied, or with what is known.
#include "mainstay/node/commit_waiter.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mainstay {
namespace {

/// A waiter, and what became of the operations that were given to it.
struct fixture {
  commit_waiter waiter;
  std::vector<std::string> completed;  ///< names, in the order of completion
  std::map<std::string, outcomes> of;
  std::function<void()> on_completion;

  void await(const std::string& name, std::uint64_t first, std::uint64_t t, std::size_t commands) {
    auto op = std::make_shared<detail::operation>(detail::operation::kind::write,
                                                  std::vector<shared_bytes>(commands),
                                                  instant::max(), [this, name](outcomes all) {
                                                    completed.push_back(name);
                                                    of[name] = std::move(all);
                                                    if (on_completion) on_completion();
                                                  });
    waiter.await(log_index(first), term(t), std::move(op));
  }
  /// Entries `first` to `last` of term `t` are applied; each answers with its index.
  void apply(std::uint64_t first, std::uint64_t last, std::uint64_t t) {
    std::vector<shared_bytes> answers;
    for (auto i = first; i <= last; ++i) {
      answers.push_back(shared_bytes::copy_of(std::to_string(i)));
    }
    waiter.applied(log_index(first), term(t), answers);
  }
  /// The outcomes as words: the answer, or the name of the code.
  std::vector<std::string> words(const std::string& name) const {
    std::vector<std::string> all;
    for (const auto& o : of.at(name)) {
      all.emplace_back(o ? o->text() : name_of(o.error().code));
    }
    return all;
  }
};

using words = std::vector<std::string>;
const error lost{error_code::leadership_lost, "stepped down", {}};

TEST(CommitWaiter, CompletesInLogOrderWithTheAnswers) {
  fixture f;
  f.await("a", 5, 2, 1);
  f.await("b", 6, 2, 2);

  f.apply(5, 7, 2);

  EXPECT_EQ(f.completed, (words{"a", "b"}));
  EXPECT_EQ(f.words("b"), (words{"6", "7"}));
  EXPECT_TRUE(f.waiter.empty());
}

TEST(CommitWaiter, BatchWaitsForItsLastCommand) {
  fixture f;
  f.await("a", 5, 2, 3);

  f.apply(5, 6, 2);
  EXPECT_TRUE(f.completed.empty());
  f.apply(7, 7, 2);

  EXPECT_EQ(f.words("a"), (words{"5", "6", "7"}));
}

TEST(CommitWaiter, RefusedEntriesHaveTheirErrorInTheirPlace) {
  fixture f;
  f.await("a", 5, 2, 4);
  std::vector<shared_bytes> answers(6, shared_bytes::copy_of("applied"));
  const error expired{error_code::session_expired, "gone", {}};
  const std::vector<detail::refused_entry> refusals{
      {log_index(4), expired}, {log_index(6), expired}, {log_index(9), expired}};

  f.waiter.applied(log_index(4), term(2), answers, refusals);

  EXPECT_EQ(f.words("a"), (words{"applied", "session_expired", "applied", "applied"}));
}

TEST(CommitWaiter, EntriesOfOthersBetweenChangeNothing) {
  fixture f;
  f.await("a", 5, 2, 1);
  f.await("b", 8, 2, 1);

  f.apply(1, 6, 2);
  f.apply(7, 9, 2);

  EXPECT_EQ(f.words("a"), words{"5"});
  EXPECT_EQ(f.words("b"), words{"8"});
}

// Hazard 115: waiters of a deposed leader must not hang until their indexes are used again.
// Hazard 109: who waits is known by index and term, which never come twice.
TEST(CommitWaiter, OverwrittenCommandIsRefused) {
  fixture f;
  f.await("a", 5, 2, 1);

  f.apply(5, 5, 3);

  EXPECT_EQ(f.words("a"), words{"overwritten"});
  EXPECT_EQ(outcome_of(error_code::overwritten), outcome::refused);
}

// A batch of which a part was committed and answered before a new leader overwrote the rest: the
// committed part must not be called refused.
TEST(CommitWaiter, PartlyOverwrittenBatchKeepsWhatWasCommitted) {
  fixture f;
  f.await("a", 5, 2, 4);
  f.apply(5, 6, 2);

  f.apply(7, 7, 3);

  EXPECT_EQ(f.words("a"), (words{"5", "6", "overwritten", "overwritten"}));
}

TEST(CommitWaiter, LostLeadershipKeepsCommittedCommandsWaiting) {
  fixture f;
  f.await("committed", 5, 2, 1);
  f.await("half", 6, 2, 2);
  f.await("beyond", 8, 2, 1);

  f.waiter.leadership_lost(log_index(6), lost);
  EXPECT_EQ(f.completed, (words{"half", "beyond"}));
  f.apply(5, 5, 2);

  EXPECT_EQ(f.words("committed"), words{"5"});
  EXPECT_EQ(f.words("beyond"), words{"leadership_lost"});
}

TEST(CommitWaiter, LostLeadershipKeepsAnswersThatAreThere) {
  fixture f;
  f.await("a", 5, 2, 3);
  f.apply(5, 5, 2);

  f.waiter.leadership_lost(log_index(6), lost);

  EXPECT_EQ(f.words("a"), (words{"5", "leadership_lost", "leadership_lost"}));
}

TEST(CommitWaiter, TimedOutOperationStillTakesItsPlace) {
  fixture f;
  f.await("a", 5, 2, 3);
  f.await("b", 8, 2, 1);
  f.apply(5, 5, 2);
  f.waiter.for_each([](const auto& op) {
    if (op->count() == 3) op->fail_rest({error_code::timed_out, "late", {}});
  });

  f.apply(6, 8, 2);

  EXPECT_EQ(f.completed, (words{"a", "b"}));
  EXPECT_EQ(f.words("a"), (words{"5", "timed_out", "timed_out"}));
  EXPECT_EQ(f.words("b"), words{"8"});
}

TEST(CommitWaiter, CompletionMayEndEverything) {
  fixture f;
  f.await("a", 5, 2, 1);
  f.await("b", 6, 2, 1);
  f.on_completion = [&] { f.waiter.fail_all({error_code::leadership_lost, "stopping", {}}); };

  f.apply(5, 6, 2);

  EXPECT_EQ(f.completed, (words{"a", "b"}));
  EXPECT_EQ(f.words("b"), words{"leadership_lost"});
}

TEST(CommitWaiter, CompletionOfALostCommandMayEndEverything) {
  fixture f;
  f.await("a", 5, 2, 1);
  f.await("b", 6, 2, 1);
  f.await("c", 7, 2, 1);
  f.on_completion = [&] { f.waiter.fail_all({error_code::leadership_lost, "stopping", {}}); };

  f.waiter.leadership_lost(log_index(5), lost);

  EXPECT_EQ(f.completed.size(), 3u);
  EXPECT_TRUE(f.waiter.empty());
}

}  // namespace
}  // namespace mainstay
