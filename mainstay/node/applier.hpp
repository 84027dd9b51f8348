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
#include "mainstay/node/session_table.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::detail {

/// What applying a stretch of the log gave.
struct applied_entries {
  log_index last;                       ///< the last index applied
  std::vector<core::term_run> terms;    ///< of the stretch, in order
  std::vector<shared_bytes> answers;    ///< one for each entry; empty for what is not a command
  std::vector<refused_entry> refusals;  ///< of sessions, by rising index
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
    for (auto& e : entries) {
      if (!done.outcome) break;
      if (e.kind == core::entry_kind::command) {
        commands_.push_back({e.index, e.time, std::move(e.payload)});
      } else if (e.kind == core::entry_kind::session) {
        take_session_entry(e, done);
      } else {
        take_other_entry(e, done);
      }
    }
    apply_commands(done);
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

  /// The state as it is now, to be written elsewhere: sessions, then machine. Takes as long as the
  /// machine's `freeze`, or as a copy of the state. Errors: the machine's; after a failed apply,
  /// that failure.
  result<frozen_state> freeze() {
    if (!failure_) return std::unexpected(failure_.error());
    auto machine = contain([&] { return detail::freeze(machine_); });
    if (!machine) return std::unexpected(machine.error());
    state_saver save = [sessions = sessions_.save(),
                        machine = *std::move(machine)](const snapshot_writer& writer) mutable {
      auto written = writer(sessions);
      return written ? machine(writer) : written;
    };
    return frozen_state{last_, time_, std::move(save)};
  }

  /// Replaces the state by a saved one, which includes everything up to `index`, whose entry has
  /// this time. Errors: the machine's, and those of the sessions; the state is then what it was.
  result<void> restore(const snapshot_reader& reader, log_index index, log_time time) {
    if (!failure_) return failure_;
    session_table sessions;
    if (auto read = sessions.restore(reader); !read) return read;
    auto restored = contain([&] { return machine_.restore(reader); });
    if (!restored) return restored;
    sessions_ = std::move(sessions);
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

  /// An entry that does not reach the machine: what stands before it is applied first.
  void take_other_entry(const core::entry& e, applied_entries& done) {
    apply_commands(done);
    if (done.outcome) done.outcome = advance_time(e.time);
    if (done.outcome) done.last = e.index;
  }

  /// A command that is new to its session joins the batch; everything else is answered here.
  void take_session_entry(const core::entry& e, applied_entries& done) {
    auto request = decode_session_request(e.payload);
    if (!request) {
      take_other_entry(e, done);
      // An entry's bytes come from a caller: refused, as any other nonsense.
      return refuse(e, {error_code::invalid_argument, std::move(request.error().message), {}},
                    done);
    }
    if (request->operation == session_operation::use) return use_session(e, *request, done);
    take_other_entry(e, done);
    if (!done.outcome) return;
    if (request->operation == session_operation::close) {
      return sessions_.close(request->session, e.time);
    }
    sessions_.open(e.index.value(), request->limits, e.time);
    answer_to(e.index, done) = encode_session_id(e.index.value());
  }

  void use_session(const core::entry& e, session_request& request, applied_entries& done) {
    auto admitted = sessions_.admit(request, e.time);
    if (admitted.what != session_table::verdict::apply && !uses_.empty()) {
      // What the session remembers must not depend on where a batch begins: the answers that are
      // still to come may be the ones asked for, or push them out.
      apply_commands(done);
      if (!done.outcome) return;
      admitted = sessions_.admit(request, e.time);
    }
    if (admitted.what == session_table::verdict::apply) {
      uses_.push_back({e.index, request.session, request.serial});
      return commands_.push_back({e.index, e.time, std::move(request.command)});
    }
    take_other_entry(e, done);
    if (admitted.what == session_table::verdict::refused) {
      return refuse(e, std::move(admitted.why), done);
    }
    if (done.outcome) answer_to(e.index, done) = std::move(admitted.answer);
  }

  static void refuse(const core::entry& e, error why, applied_entries& done) {
    if (done.outcome) done.refusals.push_back({e.index, std::move(why)});
  }

  static shared_bytes& answer_to(log_index index, applied_entries& done) {
    return done.answers[index - done.terms.front().first];
  }

  /// Applies the commands that were gathered, which have consecutive indexes.
  void apply_commands(applied_entries& done) {
    if (commands_.empty()) return;
    const std::size_t from = commands_.front().index - done.terms.front().first;
    const std::span answers = std::span(done.answers).subspan(from, commands_.size());
    done.outcome = contain([&] { return apply_run(answers, done.last); });
    commands_.clear();
    for (const auto& use : uses_) {
      if (use.index > done.last) break;
      sessions_.finish(use.session, use.serial, answer_to(use.index, done));
    }
    uses_.clear();
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

  /// A command in `commands_` that came within a session.
  struct session_use {
    log_index index;
    session_id session = 0;
    std::uint64_t serial = 0;
  };

  Machine machine_;
  session_table sessions_;
  std::vector<applied_command> commands_;  // gathered; reused from batch to batch
  std::vector<session_use> uses_;          // of these
  result<void> failure_;                   // the first; nothing is applied after it
  log_index last_;                         // applied or restored
  log_time time_{};                        // of that entry
};

}  // namespace mainstay::detail
