// A crash at every operation on the files, with everything that may then be on the disk. Whatever
// is found must be taken, and must hold everything that was reported durable, and nothing else.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entry_at;

constexpr std::array groups{group_id(1), group_id(2)};

/// One group as the test believes it to be.
struct model_group {
  core::hard_state hard_state;
  log_index base;
  std::vector<core::entry> entries;  // from base + 1 on

  log_index last() const { return base + entries.size(); }
  friend bool operator==(const model_group&, const model_group&) = default;
};

using model = std::array<model_group, groups.size()>;

/// Every state that the log may be in after a crash: one per record that was submitted. Those below
/// `acknowledged` are history.
struct history {
  std::vector<model> states{1};
  std::size_t acknowledged = 0;

  model_group& begin(std::size_t group) {
    states.push_back(states.back());
    return states.back()[group];
  }
};

model found_in(const wal::segmented_log& log) {
  model found;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto state = log.state_of(groups[i], ~std::uint64_t{0});
    EXPECT_TRUE(state.has_value()) << state.error().message;
    if (state) found[i] = {state->hard_state, state->base_index, state->tail};
  }
  return found;
}

/// A random workload, whose every operation on the files is a place to crash at.
class crash_run {
 public:
  explicit crash_run(std::uint64_t seed) : random_(seed) {
    files_.hook = [this](const file_operation&) {
      crash_here(files_);
      return result<void>{};
    };
  }

  void run(int steps) {
    auto opened = open_log(files_);
    for (int i = 0; i < steps; ++i) {
      step(*opened.log);
      if (random_.below(3) == 0) flush(*opened.log);
      if (random_.below(20) != 0) continue;
      flush(*opened.log);
      opened.close();
      opened = open_log(files_);
      ASSERT_EQ(found_in(*opened.log), history_.states.back());
    }
    flush(*opened.log);
    crash_here(files_);
  }

  std::uint64_t images() const { return images_; }

 private:
  void flush(wal::segmented_log& log) {
    ASSERT_TRUE(log.flush().has_value());
    history_.acknowledged = history_.states.size() - 1;
    pending_.clear();
    ASSERT_TRUE(log.maintain().has_value());
  }

  void step(wal::segmented_log& log) {
    const auto g = random_.below(groups.size());
    const auto& now = history_.states.back()[g];
    if (random_.below(6) == 0 && !now.entries.empty()) return compact(log, g);
    pending_.push_back(std::make_unique<core::persist_batch>());
    auto& batch = *pending_.back();
    if (random_.below(4) == 0) {
      auto& state = history_.begin(g);
      state.hard_state.current_term = state.hard_state.current_term.next();
      state.hard_state.voted_for = node_id(random_.below(3));
      batch.has_hard_state = true;
      batch.state = state.hard_state;
    }
    if (random_.below(5) == 0 && !history_.states.back()[g].entries.empty()) truncate(batch, g);
    append(batch, g);
    const auto ok = log.add(groups[g], batch);
    ASSERT_TRUE(ok.has_value()) << ok.error().message;
  }

  void truncate(core::persist_batch& batch, std::size_t g) {
    auto& state = history_.begin(g);
    state.entries.resize(random_.below(state.entries.size()));
    batch.truncate_from = state.last().next();
  }

  void append(core::persist_batch& batch, std::size_t g) {
    // Most are small; some fill several sectors, a few take a batch over a segment's end.
    const auto count = random_.below(8);
    const std::size_t size = random_.below(5) == 0 ? random_.below(3000) : random_.below(100);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto t = ++term_;
      auto& state = history_.begin(g);
      state.entries.push_back(entry_at(state.last().next().value(), t, size));
      batch.entries.push_back(state.entries.back());
    }
  }

  void compact(wal::segmented_log& log, std::size_t g) {
    auto& state = history_.begin(g);
    const auto removed = 1 + random_.below(state.entries.size());
    state.entries.erase(state.entries.begin(),
                        state.entries.begin() + static_cast<std::ptrdiff_t>(removed));
    state.base = state.base + removed;
    ASSERT_TRUE(log.add_base(groups[g], state.base).has_value());
  }

  /// Looks at everything that may be on the disk if the power fails now.
  void crash_here(simulated_disk& files) {
    for (const auto kind : {crash_kind::lost, crash_kind::kept, crash_kind::cut, crash_kind::torn,
                            crash_kind::torn}) {
      auto image = files.crash(kind, random_);
      check(*image, random_.below(10) == 0);
    }
  }

  /// Recovers an image. With `again`, recovery itself is interrupted at every operation.
  void check(simulated_disk& image, bool again) {
    if (testing::Test::HasFailure()) return;  // one is enough
    ++images_;
    if (again) {
      image.hook = [&](const file_operation&) {
        for (const auto kind : {crash_kind::lost, crash_kind::torn}) {
          auto second = image.crash(kind, random_);
          check(*second, false);
        }
        return result<void>{};
      };
    }
    auto opened = try_open(image);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const auto found = found_in(*opened->log);
    const auto first = history_.states.begin() + static_cast<std::ptrdiff_t>(history_.acknowledged);
    ASSERT_NE(std::find(first, history_.states.end(), found), history_.states.end())
        << "the log holds a state that was never acknowledged nor submitted after that";
    if (!again) goes_on(*opened, image, found);
  }

  /// What was recovered takes further entries, and still has them the next time.
  void goes_on(opened_log& opened, simulated_disk& image, const model& found) {
    const auto last = found[0].last();
    const auto more = batch_of({entry_at(last.next().value(), term_ + 1000)});
    ASSERT_TRUE(write_durably(*opened.log, more).has_value());
    opened.close();
    auto reopened = try_open(image);
    ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
    auto expected = found;
    expected[0].entries.push_back(more.entries.front());
    ASSERT_EQ(found_in(*reopened->log), expected);
  }

  random_generator random_;
  simulated_disk files_;
  history history_;
  std::vector<std::unique_ptr<core::persist_batch>> pending_;
  std::uint64_t term_ = 0;
  std::uint64_t images_ = 0;
};

class CrashRecovery : public testing::TestWithParam<std::uint64_t> {};

// Hazards 95, 97, 100: torn tails, names that were not flushed, and data that was not.
TEST_P(CrashRecovery, EveryImageIsTakenAndHoldsWhatWasAcknowledged) {
  crash_run run(GetParam());

  run.run(60);

  EXPECT_GT(run.images(), 500U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashRecovery, testing::Range<std::uint64_t>(1, 13));

}  // namespace

}  // namespace mainstay
