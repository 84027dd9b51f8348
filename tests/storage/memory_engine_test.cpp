// The memory engine: what every engine promises, and its switches for tests.
#include "mainstay/storage/memory/memory_engine.hpp"

#include <deque>
#include <memory>

#include "tests/conformance/persistence_engine.hpp"
#include "tests/conformance/snapshot_storage.hpp"

namespace mainstay {

namespace {

/// Runs tasks when told, on the test's own thread.
struct manual_executor {
  void post(task t) { tasks->push_back(std::move(t)); }
  bool run_one() {
    if (tasks->empty()) return false;
    auto next = std::move(tasks->front());
    tasks->pop_front();
    next();
    return true;
  }
  void run_all() {
    while (run_one()) continue;
  }
  std::shared_ptr<std::deque<task>> tasks = std::make_shared<std::deque<task>>();
};

using engine = memory_engine<manual_executor>;
static_assert(persistence_engine<engine>);

struct memory_world {
  std::unique_ptr<engine> open() { return std::make_unique<engine>(disk, executor); }
  template <class Predicate>
  void wait(Predicate until) {
    while (!until() && executor.run_one()) continue;
  }

  std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
  manual_executor executor;
};

using conformance::batch_of;
using conformance::entries_of;

class MemoryEngine : public testing::Test {
 protected:
  /// Appends entry `i`; its outcome goes to `outcomes_`.
  void append(std::uint64_t i) {
    engine_.append(group_id(1), batch_of(entries_of(i, i, 1)),
                   [this](result<void> ok) { outcomes_.push_back(std::move(ok)); });
  }
  log_index stored() { return disk_->recover(group_id(1), 0)->last_index; }

  std::shared_ptr<memory_disk> disk_ = std::make_shared<memory_disk>();
  manual_executor executor_;
  engine engine_{disk_, executor_};
  std::vector<result<void>> outcomes_;
};

// Hazard 121: an append that ends at once would overtake its caller's bookkeeping.
TEST_F(MemoryEngine, NothingCompletesInsideTheCall) {
  append(1);

  EXPECT_TRUE(outcomes_.empty());
  executor_.run_all();
  EXPECT_EQ(outcomes_.size(), 1U);
}

TEST_F(MemoryEngine, StalledDiskCompletesInOrderOnceItResumes) {
  engine_.stall();
  append(1);
  executor_.run_all();
  append(2);

  EXPECT_TRUE(outcomes_.empty());
  engine_.resume();
  executor_.run_all();

  EXPECT_EQ(outcomes_, (std::vector<result<void>>{{}, {}}));
  EXPECT_EQ(stored(), log_index(2));
}

TEST_F(MemoryEngine, CrashLosesWhatWasNotComplete) {
  append(1);
  executor_.run_all();
  append(2);

  engine_.crash();
  executor_.run_all();

  EXPECT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(stored(), log_index(1));
}

TEST_F(MemoryEngine, FullDiskRefusesAndTakesTheSameBatchOnceThereIsRoom) {
  disk_->set_mood(disk_mood::full);
  append(1);
  executor_.run_all();
  disk_->set_mood(disk_mood::healthy);
  append(1);
  executor_.run_all();

  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[0].error().code, error_code::no_space);
  EXPECT_TRUE(outcomes_[1].has_value());
}

// Hazard 98: a disk that failed once has failed for good, even if the next write would succeed.
TEST_F(MemoryEngine, BrokenDiskStaysBroken) {
  disk_->set_mood(disk_mood::broken);
  append(1);
  executor_.run_all();
  disk_->set_mood(disk_mood::healthy);
  append(1);
  executor_.run_all();

  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[0].error().code, error_code::io_failed);
  EXPECT_EQ(outcomes_[1].error().code, error_code::io_failed);
}

}  // namespace

namespace conformance {
using memory_worlds = testing::Types<memory_world>;
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, PersistenceEngine, memory_worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, SnapshotStorage, memory_worlds);
}  // namespace conformance

}  // namespace mainstay
