/// The seam that users implement: what the cluster replicates.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/entry.hpp"

namespace mainstay {

/// One committed command, as a state machine sees it.
struct applied_command {
  log_index index;
  log_time time;         ///< stamped by the leader: the only clock that a state machine may read
  shared_bytes payload;  ///< what was submitted
};

/// Takes the bytes of a snapshot as they are produced, in any number of pieces.
using snapshot_writer = std::function<result<void>(std::span<const std::byte>)>;

/// Fills the span with the next bytes of a snapshot and returns how many; 0 at its end.
using snapshot_reader = std::function<result<std::size_t>(std::span<std::byte>)>;

/// A deterministic state machine (paper §2). The same commands in the same order give the same
/// state and the same answers everywhere: no clocks, no randomness, no addresses of memory.
///
/// Threads: all functions are called from the apply activity, one at a time.
/// Errors: a failed `apply` stops this replica from applying further; it reports `apply_failed`.
template <class Machine>
concept state_machine =
    requires(Machine machine, const applied_command& command, const shared_bytes& request,
             const snapshot_writer& writer, const snapshot_reader& reader) {
      /// Carries out a committed command; the bytes are the answer to whoever submitted it.
      { machine.apply(command) } -> std::same_as<result<shared_bytes>>;
      /// Answers a read without changing anything.
      { machine.query(request) } -> std::same_as<result<shared_bytes>>;
      /// Writes the whole state.
      { machine.save(writer) } -> std::same_as<result<void>>;
      /// Replaces the whole state by a saved one. On error the state is unchanged.
      { machine.restore(reader) } -> std::same_as<result<void>>;
    };

/// A state machine that takes many commands at once; `answers` has one place per command.
template <class Machine>
concept batch_state_machine =
    state_machine<Machine> && requires(Machine machine, std::span<const applied_command> commands,
                                       std::span<shared_bytes> answers) {
      { machine.apply(commands, answers) } -> std::same_as<result<void>>;
    };

/// A state machine that can hold its state at one moment without copying it. The view that `freeze`
/// gives writes what `save` would have written at that moment, once and on any thread, while the
/// machine goes on applying. It may outlive the machine; several may be held at once.
template <class Machine>
concept freezable_state_machine =
    state_machine<Machine> && requires(Machine machine, const snapshot_writer& writer) {
      requires std::movable<decltype(machine.freeze())>;
      { machine.freeze().save(writer) } -> std::same_as<result<void>>;
    };

/// A state machine whose state changes by the passing of time alone, as keys expire. Time comes
/// with the log and never goes back: a command brings its own, and `advance_time` is called in its
/// place for every other entry (a no-op, a configuration), so that all replicas see the same
/// moments.
template <class Machine>
concept timed_state_machine = state_machine<Machine> && requires(Machine machine, log_time time) {
  /// The log has come to this time. Must not fail.
  { machine.advance_time(time) } -> std::same_as<void>;
  /// From which time on `advance_time` would change something; nothing: never. A leader whose clock
  /// has come there, and that has no entry to send, sends one that brings nothing but the time.
  { machine.next_expiry() } -> std::same_as<std::optional<log_time>>;
};

}  // namespace mainstay
