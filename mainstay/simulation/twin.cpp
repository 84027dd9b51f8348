#include "mainstay/simulation/twin.hpp"

#include <array>
#include <utility>

namespace mainstay::simulation {

namespace {

using specification::appearance;

const char* name_of(const core::message& m) {
  constexpr std::array names{
      "request_vote",     "request_vote_response",     "append_entries", "append_entries_response",
      "install_snapshot", "install_snapshot_response", "timeout_now",    "timeout_now_response",
      "read_index",       "read_index_response"};
  return names.at(m.index());
}

std::string describe(const core_input& input) {
  constexpr std::array names{"time",
                             "a message",
                             "commands",
                             "a moment of time",
                             "a read",
                             "its disk's completion",
                             "its disk's refusal",
                             "what was applied",
                             "a log read",
                             "a failed call",
                             "the order to step down",
                             "the order to retire",
                             "a snapshot of its own",
                             "a piece of an image",
                             "a stored chunk",
                             "an image installed",
                             "an image not installed",
                             "the order to hand over",
                             "a change of members"};
  static_assert(names.size() == std::variant_size_v<core_input>);
  if (const auto* arrived = std::get_if<message_arrived>(&input)) {
    return std::string(name_of(arrived->envelope->message)) + " of node " +
           std::to_string(arrived->envelope->from.value());
  }
  return names.at(input.index());
}

appearance look_at(const core::raft& core) {
  return {.role = core.role(),
          .state = {core.current_term(), core.voted_for()},
          .leader = core.leader(),
          .commit_index = core.commit_index(),
          .last_applied = core.last_applied(),
          .last_index = core.last_index(),
          .last_term = core.entries().last_term(),
          .stable_index = core.stable_index(),
          .configuration_index = core.configuration_index(),
          .base = {core.entries().base_index(), core.entries().base_term()},
          .snapshot_index = core.snapshot() ? core.snapshot()->id.last_included_index : log_index{},
          .is_installing = core.is_installing(),
          .uncommitted_bytes = core.uncommitted_bytes(),
          .now = core.now(),
          .alarm = core.next_deadline(),
          .is_fenced = core.is_fenced(),
          .entry_at = [&core](log_index i) -> const core::entry& { return core.entries().at(i); }};
}

specification::recovered_disk look_at_disk(const core::raft& core) {
  const core::log& log = core.entries();
  return {
      .state = {core.current_term(), core.voted_for()},
      .base = {log.base_index(), log.base_term()},
      .last_index = log.last_index(),
      .snapshot = core.snapshot(),
      .in_force = {core.configuration_index(), specification::membership_of(core.configuration())},
      .term_at = [&log](log_index i) { return log.term_at(i); },
      .entry_at = [&log](log_index i) -> const core::entry* {
        return i >= log.window_first() ? &log.at(i) : nullptr;
      }};
}

/// Hands one input to the specification.
struct follow {
  specification::server& server;
  const appearance& after;

  void operator()(const time_passed& in) const { server.time_passes(in.now, after); }
  void operator()(const message_arrived& in) const { server.receives(*in.envelope, after); }
  void operator()(const commands_proposed& in) const {
    server.is_offered(in.kind, in.commands, *in.outcome, after);
  }
  void operator()(const time_proposed& in) const {
    const shared_bytes nothing;
    server.is_offered(core::entry_kind::no_op, {&nothing, 1}, *in.outcome, after);
  }
  void operator()(const change_asked& in) const {
    server.is_asked_to_change(*in.change, *in.outcome, after);
  }
  void operator()(const read_asked& in) const {
    server.is_asked_to_read(in.context, in.basis == core::read_basis::lease, after);
  }
  void operator()(const batch_persisted& in) const { server.disk_finishes(in.sequence, after); }
  void operator()(const batch_refused& in) const { server.disk_refuses(in.sequence, after); }
  void operator()(const entries_applied& in) const { server.machine_applied(in.index, after); }
  void operator()(const log_was_read&) const { server.stays_the_same(after); }
  void operator()(const peer_unreachable& in) const { server.call_fails(in.call, after); }
  void operator()(const told_to_step_down&) const { server.steps_down(after); }
  void operator()(const told_to_retire&) const { server.retires(after); }
  void operator()(const told_to_hand_over& in) const {
    server.is_told_to_hand_over(in.to, *in.outcome, after);
  }
  void operator()(const own_snapshot_saved& in) const {
    server.saves_snapshot(*in.snapshot, after);
  }
  void operator()(const snapshot_was_read&) const { server.stays_the_same(after); }
  void operator()(const chunk_was_stored& in) const {
    server.stores_chunk(in.id, in.next_offset.has_value(), in.is_whole, after);
  }
  void operator()(const image_installed& in) const { server.installs(*in.snapshot, after); }
  void operator()(const image_not_installed& in) const { server.does_not_install(in.image, after); }
};

/// Runs one step of the specification, and tells the whole story when it does not agree.
template <class Step, class Occasion>
void judge(const specification::server& server, const appearance& seen, const Step& step,
           const Occasion& occasion) {
  try {
    step();
  } catch (const specification::broken_rule& broken) {
    throw disagreement(broken.what(), server.id,
                       "\n  node " + std::to_string(server.id.value()) + ", " + occasion() +
                           "\n  the rules: " + specification::describe(server) +
                           "\n  the node:  " + specification::describe(seen));
  }
}

}  // namespace

twin::twin(const core::config& settings, const core::configuration& bootstrap)
    : settings_(settings), bootstrap_(specification::membership_of(bootstrap)) {}

void twin::started(const core::raft& core) {
  ++steps_;
  const appearance seen = look_at(core);
  const auto disk = look_at_disk(core);
  const auto [one, is_new] = servers_.try_emplace(core.id());
  specification::server& server = one->second;
  const auto start = [&] {
    if (!is_new) return server.recovers(disk, seen);
    server.id = core.id();
    server.settings = settings_;
    const auto other = newcomers_.find(core.id());
    server.begins(disk, other == newcomers_.end() ? bootstrap_ : other->second, seen);
  };
  judge(server, seen, start, [] { return std::string("at its start"); });
}

void twin::after(const core::raft& core, const core_input& input) {
  ++steps_;
  const appearance seen = look_at(core);
  specification::server& server = servers_.at(core.id());
  judge(
      server, seen, [&] { std::visit(follow{server, seen}, input); },
      [&] { return "after " + describe(input); });
}

void twin::took_ready(const core::raft& core, const core::ready& ready) {
  ++steps_;
  const appearance seen = look_at(core);
  specification::server& server = servers_.at(core.id());
  judge(
      server, seen, [&] { server.puts_out(ready, seen); },
      [] { return std::string("in what it wants done"); });
}

const specification::server* twin::server(node_id id) const {
  const auto found = servers_.find(id);
  return found == servers_.end() ? nullptr : &found->second;
}

}  // namespace mainstay::simulation
