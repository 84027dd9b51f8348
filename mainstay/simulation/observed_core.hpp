/// A core whose every input and output an observer sees. It has the interface of `core::raft` and
/// stands in for it in simulated nodes (node/core_of.hpp).
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "mainstay/core/raft.hpp"
#include "mainstay/simulation/core_observer.hpp"

namespace mainstay::simulation {

/// A `core::raft` under observation. Not copyable: it is one place in one world.
class observed_core {
 public:
  /// Announces the core as started. `observer` must outlive it; null: nobody watches.
  observed_core(core::raft core, core_observer* observer)
      : core_(std::move(core)), observer_(observer) {
    if (observer_ != nullptr) observer_->started(core_);
  }
  /// As above, with the observer that the runtime names.
  template <class Runtime>
    requires requires(Runtime& runtime) {
      { runtime.observer() } -> std::convertible_to<core_observer*>;
    }
  observed_core(core::raft core, Runtime& runtime)
      : observed_core(std::move(core), runtime.observer()) {}
  observed_core(const observed_core&) = delete;
  observed_core& operator=(const observed_core&) = delete;

  // Inputs; see core::raft.

  void advance(instant now) {
    feed(time_passed{now}, [&] { core_.advance(now); });
  }
  void step(core::envelope e) {
    const core::envelope seen = e;
    feed(message_arrived{&seen}, [&] { core_.step(std::move(e)); });
  }
  result<log_index> propose(std::span<const shared_bytes> commands, log_time now,
                            core::entry_kind kind = core::entry_kind::command) {
    return offer(commands_proposed{commands, now, kind},
                 [&] { return core_.propose(commands, now, kind); });
  }
  result<log_index> propose_time(log_time now) {
    return offer(time_proposed{now}, [&] { return core_.propose_time(now); });
  }
  result<log_index> change_configuration(const core::configuration_change& change) {
    return offer(change_asked{&change}, [&] { return core_.change_configuration(change); });
  }
  void read(std::uint64_t context, core::read_basis basis = core::read_basis::round) {
    feed(read_asked{context, basis}, [&] { core_.read(context, basis); });
  }
  void persisted(std::uint64_t sequence) {
    feed(batch_persisted{sequence}, [&] { core_.persisted(sequence); });
  }
  void not_persisted(std::uint64_t sequence) {
    feed(batch_refused{sequence}, [&] { core_.not_persisted(sequence); });
  }
  void applied(log_index index) {
    feed(entries_applied{index}, [&] { core_.applied(index); });
  }
  void log_read(std::uint64_t id, std::vector<core::entry> entries) {
    const std::vector<core::entry> seen = entries;
    feed(log_was_read{id, seen}, [&] { core_.log_read(id, std::move(entries)); });
  }
  void unreachable(node_id peer, std::uint64_t call) {
    feed(peer_unreachable{peer, call}, [&] { core_.unreachable(peer, call); });
  }
  void step_down() {
    feed(told_to_step_down{}, [&] { core_.step_down(); });
  }
  void retire() {
    feed(told_to_retire{}, [&] { core_.retire(); });
  }
  result<node_id> transfer(node_id to) {
    return offer(told_to_hand_over{to}, [&] { return core_.transfer(to); });
  }

  void snapshot_saved(const core::snapshot& saved) {
    feed(own_snapshot_saved{&saved}, [&] { core_.snapshot_saved(saved); });
  }
  void snapshot_read(std::uint64_t id, const shared_bytes& data) {
    feed(snapshot_was_read{id, &data}, [&] { core_.snapshot_read(id, data); });
  }
  void snapshot_chunk_stored(std::uint64_t id, std::optional<std::uint64_t> next_offset,
                             bool is_whole) {
    feed(chunk_was_stored{id, next_offset, is_whole},
         [&] { core_.snapshot_chunk_stored(id, next_offset, is_whole); });
  }
  void snapshot_installed(const core::snapshot& installed) {
    feed(image_installed{&installed}, [&] { core_.snapshot_installed(installed); });
  }
  void snapshot_not_installed(const core::snapshot_id& image) {
    feed(image_not_installed{image}, [&] { core_.snapshot_not_installed(image); });
  }

  core::ready take_ready() {
    core::ready work = core_.take_ready();
    if (observer_ != nullptr) observer_->took_ready(core_, work);
    return work;
  }

  // What it is; see core::raft.

  const core::raft& core() const { return core_; }
  instant next_deadline() const { return core_.next_deadline(); }
  node_id id() const { return core_.id(); }
  core::role role() const { return core_.role(); }
  term current_term() const { return core_.current_term(); }
  node_id voted_for() const { return core_.voted_for(); }
  node_id leader() const { return core_.leader(); }
  log_index commit_index() const { return core_.commit_index(); }
  log_index last_applied() const { return core_.last_applied(); }
  log_index last_index() const { return core_.last_index(); }
  log_index stable_index() const { return core_.stable_index(); }
  instant now() const { return core_.now(); }
  bool has_lease() const { return core_.has_lease(); }
  bool is_fenced() const { return core_.is_fenced(); }
  const core::transfer_state& handing_over() const { return core_.handing_over(); }
  node_id best_heir(std::span<const node_id> passed_over) const {
    return core_.best_heir(passed_over);
  }
  node_id preferred_leader() const { return core_.preferred_leader(); }
  const core::log& entries() const { return core_.entries(); }
  const core::configuration& configuration() const { return core_.configuration(); }
  const core::configuration& configuration_at(log_index index) const {
    return core_.configuration_at(index);
  }
  const std::optional<core::snapshot>& snapshot() const { return core_.snapshot(); }
  bool is_installing() const { return core_.is_installing(); }
  log_index configuration_index() const { return core_.configuration_index(); }
  const core::configuration& first_configuration() const { return core_.first_configuration(); }
  bool is_changing() const { return core_.is_changing(); }
  std::vector<core::peer_status> peers() const { return core_.peers(); }

 private:
  template <class Input, class Action>
  void feed(const Input& input, Action act) {
    if (observer_ == nullptr) return act();
    observer_->before(core_, input);
    act();
    observer_->after(core_, input);
  }

  /// The same for inputs with an outcome.
  template <class Input, class Action>
  std::invoke_result_t<Action> offer(Input input, Action act) {
    if (observer_ != nullptr) observer_->before(core_, input);
    auto outcome = act();
    input.outcome = &outcome;
    if (observer_ != nullptr) observer_->after(core_, input);
    return outcome;
  }

  core::raft core_;
  core_observer* observer_;
};

}  // namespace mainstay::simulation
