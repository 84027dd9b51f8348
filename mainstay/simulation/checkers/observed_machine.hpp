/// A state machine whose every step an observer sees. It stands in for the machine that it wraps in
/// simulated nodes; its snapshots begin with some bytes of its own.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "mainstay/seams/state_machine.hpp"
#include "mainstay/simulation/checkers/known_logs.hpp"
#include "mainstay/simulation/checkers/machine_observer.hpp"

namespace mainstay::simulation {

/// Makes a digest of a digest and a further value.
constexpr std::uint64_t mix_digest(std::uint64_t digest, std::uint64_t value) {
  digest = (digest ^ value) * 0x9e3779b97f4a7c15ULL;
  return digest ^ (digest >> 32U);
}

/// A digest of bytes that come in pieces, however they are cut.
class piecewise_digest {
 public:
  void add(std::span<const std::byte> piece) {
    while (!piece.empty()) {
      const auto part = piece.first(std::min(piece.size(), sizeof(words_) - filled_));
      std::memcpy(reinterpret_cast<std::byte*>(words_.data()) + filled_, part.data(), part.size());
      filled_ += part.size();
      piece = piece.subspan(part.size());
      if (filled_ == sizeof(words_)) close_block();
    }
  }
  std::uint64_t value() {
    close_block();
    return digest_;
  }

 private:
  void close_block() {
    for (const auto word : words_) digest_ = mix_digest(digest_, word);
    digest_ = mix_digest(digest_, filled_);
    words_.fill(0);
    filled_ = 0;
  }

  std::array<std::uint64_t, 128> words_{};
  std::size_t filled_ = 0;
  std::uint64_t digest_ = 0;
};

/// A machine's frozen state behind the bytes that stand before it in a snapshot.
template <class View>
class observed_view {
 public:
  observed_view(View view, std::array<std::uint64_t, 3> head)
      : view_(std::move(view)), head_(head) {}

  /// See `freezable_state_machine`.
  result<void> save(const snapshot_writer& writer) {
    if (auto written = writer(std::as_bytes(std::span(head_))); !written) return written;
    return view_.save(writer);
  }

 private:
  View view_;
  std::array<std::uint64_t, 3> head_;
};

/// Has the functions of `Machine`, those for batches, time and frozen states too when it has them.
template <state_machine Machine>
class observed_machine {
 public:
  /// `observer` must outlive the machine. The whole state is digested, by way of `save`, at every
  /// index that `digest_every` divides, so at the same indexes on all replicas; 0: never.
  observed_machine(Machine machine, node_id node, machine_observer& observer,
                   std::uint64_t digest_every = 64)
      : machine_(std::move(machine)),
        node_(node),
        observer_(&observer),
        digest_every_(digest_every) {
    observer_->machine_started(node_);
  }

  /// See `state_machine`.
  result<shared_bytes> apply(const applied_command& command) {
    auto answer = machine_.apply(command);
    if (!answer) return answer;
    if (auto seen = note(command, *answer); !seen) return std::unexpected(seen.error());
    return answer;
  }
  /// See `batch_state_machine`. A batch ends early wherever the whole state is to be digested.
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers)
    requires batch_state_machine<Machine>
  {
    while (!commands.empty()) {
      const auto wanted = std::ranges::find_if(
          commands, [this](const applied_command& c) { return is_digested(c.index); });
      const auto size =
          std::min(commands.size(), static_cast<std::size_t>(wanted - commands.begin()) + 1);
      auto applied = machine_.apply(commands.first(size), answers.first(size));
      for (std::size_t i = 0; applied && i < size; ++i) applied = note(commands[i], answers[i]);
      if (!applied) return applied;
      commands = commands.subspan(size);
      answers = answers.subspan(size);
    }
    return {};
  }
  /// See `timed_state_machine`.
  void advance_time(log_time time)
    requires timed_state_machine<Machine>
  {
    time_ = time;
    machine_.advance_time(time);
  }
  /// See `timed_state_machine`.
  std::optional<log_time> next_expiry() const
    requires timed_state_machine<Machine>
  {
    return machine_.next_expiry();
  }
  /// See `state_machine`.
  result<shared_bytes> query(const shared_bytes& request) { return machine_.query(request); }
  /// Writes the machine's snapshot behind where it stands.
  result<void> save(const snapshot_writer& writer) {
    if (auto seen = note_saving(); !seen) return seen;
    const auto head = place();
    if (auto written = writer(std::as_bytes(std::span(head))); !written) return written;
    return machine_.save(writer);
  }
  /// See `freezable_state_machine`.
  auto freeze()
    requires freezable_state_machine<Machine>
  {
    auto view = observed_view(machine_.freeze(), place());
    static_cast<void>(note_saving());  // a machine that cannot save says so when it has to
    return view;
  }
  /// Restores what `save` wrote. Errors: those of the machine, `malformed`.
  result<void> restore(const snapshot_reader& reader) {
    std::array<std::uint64_t, 3> head{};
    std::span<std::byte> rest = std::as_writable_bytes(std::span(head));
    while (!rest.empty()) {
      const auto read = reader(rest);
      if (!read) return std::unexpected(read.error());
      if (*read == 0) return fail(error_code::malformed, "the snapshot ends in its first bytes");
      rest = rest.subspan(*read);
    }
    if (auto restored = machine_.restore(reader); !restored) return restored;
    last_ = log_index(head[0]);
    answers_ = head[1];
    time_ = {static_cast<std::int64_t>(head[2])};
    machine_step step = where();
    if (auto digested = digest(step); !digested) return digested;
    observer_->machine_restored(step);
    return {};
  }

  /// The machine itself.
  Machine& machine() { return machine_; }
  const Machine& machine() const { return machine_; }

 private:
  bool is_digested(log_index index) const {
    return digest_every_ != 0 && index.value() % digest_every_ == 0;
  }
  std::array<std::uint64_t, 3> place() const {
    return {last_.value(), answers_, static_cast<std::uint64_t>(time_.microseconds)};
  }
  machine_step where() const {
    return {.node = node_, .index = last_, .time = time_, .answers = answers_};
  }
  result<void> note(const applied_command& command, const shared_bytes& answer) {
    last_ = command.index;
    time_ = command.time;
    answers_ = mix_digest(answers_, hash_of_payload(answer.text()));
    machine_step step = where();
    step.command = hash_of_payload(command.payload.text());
    if (is_digested(command.index)) {
      if (auto digested = digest(step); !digested) return digested;
    }
    observer_->machine_applied(step);
    return {};
  }
  result<void> note_saving() {
    machine_step step = where();
    if (auto digested = digest(step); !digested) return digested;
    observer_->machine_saved(step);
    return {};
  }
  result<void> digest(machine_step& step) {
    if (digest_every_ == 0) return {};
    piecewise_digest state;
    auto saved = machine_.save([&state](std::span<const std::byte> piece) -> result<void> {
      state.add(piece);
      return {};
    });
    if (saved) step.state = state.value();
    return saved;
  }

  Machine machine_;
  node_id node_;
  machine_observer* observer_;
  std::uint64_t digest_every_;
  log_index last_;
  log_time time_{};
  std::uint64_t answers_ = 0;
};

}  // namespace mainstay::simulation
