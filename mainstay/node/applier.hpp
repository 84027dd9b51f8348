/// The apply activity's half of a node: owns the state machine and touches it, nothing else. All
/// calls come from the apply executor, one at a time.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/core/entry.hpp"
#include "mainstay/node/operation.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::detail {

/// What applying a stretch of the log gave.
struct applied_entries {
  log_index last;                     ///< the last index applied
  std::vector<core::term_run> terms;  ///< of the stretch, in order
  std::vector<shared_bytes> answers;  ///< one for each entry; empty for what is not a command
  result<void> outcome;               ///< a failure of the state machine: `last` stops before it
};

/// Applies committed entries in log order, exactly once each (R19). After a failure it touches the
/// state machine no more, whatever else was handed out meanwhile: its state is unknown, and a gap
/// in the log would be worse than a stop.
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
        done.last = entries[from++].index;
        continue;
      }
      from = apply_commands(entries, from, done);
    }
    failure_ = done.outcome;
    done.answers.resize(done.last.next() - done.terms.front().first);
    return done;
  }

  /// Answers one read.
  command_outcome query(const shared_bytes& request) {
    if (!failure_) return std::unexpected(failure_.error());
    return contain([&] { return machine_.query(request); });
  }

 private:
  /// What a state machine throws is its failure like any other, and ends nothing else.
  template <class Work>
  static auto contain(Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const std::exception& thrown) {
      return fail(error_code::apply_failed, std::string("it threw: ") + thrown.what());
    } catch (...) {
      return fail(error_code::apply_failed, "it threw something that is no std::exception");
    }
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
};

}  // namespace mainstay::detail
