/// The apply activity's half of a node: owns the state machine and touches it, nothing else. All
/// calls come from the apply executor, one at a time.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "mainstay/core/entry.hpp"
#include "mainstay/node/contain.hpp"
#include "mainstay/node/frozen_state.hpp"
#include "mainstay/node/operation.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::detail {

/// What applying a stretch of the log gave.
struct applied_entries {
  log_index last;                       ///< the last index applied
  std::vector<core::term_run> terms;    ///< of the stretch, in order
  std::vector<shared_bytes> answers;    ///< one for each entry; empty for what is not a command
  result<void> outcome;                 ///< a failure of the state machine: `last` stops before it
  std::optional<log_time> next_expiry;  ///< of a `timed_state_machine`
};

/// Applies committed entries in log order, exactly once each (R19); saves and restores the state.
/// After a failure it touches the state machine no more, whatever else was handed out meanwhile:
/// its state is unknown, and a gap in the log would be worse than a stop.
template <state_machine Machine>
class applier {
 public:
  explicit applier(Machine machine) : machine_(std::move(machine)) {}

  Machine& machine() { return machine_; }

  /// Precondition: `entries` follow what was given before; not empty.
  applied_entries apply(std::vector<core::entry> entries) {
    applied_entries done;
    done.last = entries.front().index.previous();
    done.outcome = failure_;
    done.answers.resize(entries.size());
    for (const auto& e : entries) {
      if (done.terms.empty() || done.terms.back().term != e.term) {
        done.terms.push_back({e.index, e.term});
      }
    }
    for (std::size_t from = 0; from < entries.size() && done.outcome;) {
      if (entries[from].kind != core::entry_kind::command) {
        done.outcome = advance_time(entries[from].time);
        if (done.outcome) done.last = entries[from].index;
        ++from;
        continue;
      }
      from = apply_commands(entries, from, done);
    }
    failure_ = done.outcome;
    if (done.last >= entries.front().index) {
      last_ = done.last;
      time_ = entries[done.last - entries.front().index].time;
    }
    done.answers.resize(done.last.next() - done.terms.front().first);
    if constexpr (timed_state_machine<Machine>) {
      if (failure_) done.next_expiry = machine_.next_expiry();
    }
    return done;
  }

  /// Answers one read.
  command_outcome query(const shared_bytes& request) {
    if (!failure_) return std::unexpected(failure_.error());
    return contain([&] { return machine_.query(request); });
  }

  /// The state as it is now, to be written elsewhere. Takes as long as the machine's `freeze`, or
  /// as a copy of the state. Errors: the machine's; after a failed apply, that failure.
  result<frozen_state> freeze() {
    if (!failure_) return std::unexpected(failure_.error());
    auto save = contain([&] { return detail::freeze(machine_); });
    if (!save) return std::unexpected(save.error());
    return frozen_state{last_, time_, *std::move(save)};
  }

  /// Replaces the state by a saved one, which includes everything up to `index`, whose entry has
  /// this time. Errors: the machine's; the state is then what it was.
  result<void> restore(const snapshot_reader& reader, log_index index, log_time time) {
    if (!failure_) return failure_;
    auto restored = contain([&] { return machine_.restore(reader); });
    if (!restored) return restored;
    last_ = index;
    time_ = time;
    return advance_time(time);
  }

 private:
  /// An entry that is no command brings nothing but the time.
  result<void> advance_time(log_time time) {
    if constexpr (timed_state_machine<Machine>) {
      return contain([&]() -> result<void> {
        machine_.advance_time(time);
        return {};
      });
    }
    return {};
  }

  /// Applies the commands from `from` up to the next entry of another kind; gives its position.
  std::size_t apply_commands(std::vector<core::entry>& entries, std::size_t from,
                             applied_entries& done) {
    commands_.clear();
    std::size_t end = from;
    while (end < entries.size() && entries[end].kind == core::entry_kind::command) {
      core::entry& e = entries[end++];
      commands_.push_back({e.index, e.time, std::move(e.payload)});
    }
    const std::span answers = std::span(done.answers).subspan(from, end - from);
    done.outcome = contain([&] { return apply_run(answers, done.last); });
    commands_.clear();
    return end;
  }

  /// Applies `commands_`; `last` follows what succeeded.
  result<void> apply_run(std::span<shared_bytes> answers, log_index& last) {
    if constexpr (batch_state_machine<Machine>) {
      auto outcome = machine_.apply(std::span<const applied_command>(commands_), answers);
      if (outcome) last = commands_.back().index;
      return outcome;
    } else {
      for (std::size_t i = 0; i < commands_.size(); ++i) {
        auto answer = machine_.apply(commands_[i]);
        if (!answer) return std::unexpected(answer.error());
        answers[i] = *std::move(answer);
        last = commands_[i].index;
      }
      return {};
    }
  }

  Machine machine_;
  std::vector<applied_command> commands_;  // reused from batch to batch
  result<void> failure_;                   // the first; nothing is applied after it
  log_index last_;                         // applied or restored
  log_time time_{};                        // of that entry
};

}  // namespace mainstay::detail
