#include "mainstay/simulation/explorer_replica.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "mainstay/simulation/explorer_properties.hpp"

namespace mainstay::simulation::exploration {

void explored_disk::end_batch(std::size_t steps) {
  if (!pending) return;
  const core::persist_batch batch = *std::exchange(pending, std::nullopt);
  if (steps > 0 && batch.has_hard_state) hard_state = batch.state;
  if (steps > 1 && batch.truncate_from && batch.truncate_from.value() <= entries.size()) {
    entries.resize(batch.truncate_from.value() - 1);
  }
  for (std::size_t i = 0; i + 2 < steps && i < batch.entries.size(); ++i) {
    entries.push_back(batch.entries[i]);
  }
}

core::initial_state explored_disk::recover() const {
  core::initial_state found{.hard_state = hard_state, .last_index = log_index(entries.size())};
  for (const auto& e : entries) {
    if (found.term_runs.empty() || found.term_runs.back().term != e.term) {
      found.term_runs.push_back({e.index, e.term});
    }
  }
  found.tail = entries;
  return found;
}

core::valid_config settings_of(const scope& s) {
  using std::chrono::milliseconds;
  core::config c;
  // A notice of a new commit index goes out with the heartbeat, so that a leader has one alarm.
  c.heartbeat_interval = c.commit_notice_delay = milliseconds(10);
  // A leader without contact gives up at its second heartbeat. Between the shortest timeout and
  // the alarm lies the time in which a follower takes its leader for silent and does not campaign.
  c.election_timeout_min = milliseconds(15);
  c.election_timeout_max = milliseconds(19);
  c.pre_vote = s.pre_vote;
  c.check_quorum = s.check_quorum;
  c.max_inflight_messages = s.max_inflight;
  auto checked = core::valid_config::check(c);
  if (!checked) throw std::logic_error(checked.error().message);
  return *checked;
}

std::string command_text(term t, log_index i) {
  return std::to_string(t.value()) + "." + std::to_string(i.value());
}

core::timing timing_of(const core::raft& core) {
  core::timing found;
  core.visit_state([&found](std::string_view, const auto& member) {
    if constexpr (std::is_same_v<decltype(member), const core::timing&>) found = member;
  });
  return found;
}

replica replica_runner::start(std::uint64_t node) const {
  core::initial_state nothing{.id = node_id(node), .seed = seed_ + node};
  for (std::uint64_t i = 1; i <= node_count; ++i) {
    nothing.bootstrap.voters.push_back({node_id(i), ""});
  }
  auto core = core::raft::start(settings_, std::move(nothing), epoch_);
  if (!core) throw std::logic_error(core.error().message);
  return {*std::move(core), {}};
}

void replica_runner::restart(replica& r, std::size_t surviving_steps) const {
  r.disk.end_batch(surviving_steps);
  core::initial_state found = r.disk.recover();
  found.id = r.core.id();
  found.bootstrap = start(r.core.id().value()).core.configuration();
  found.seed = seed_ + r.core.id().value();
  if (scope_.broken.recover) scope_.broken.recover(found);
  auto core = core::raft::start(settings_, std::move(found), epoch_);
  if (!core) throw std::logic_error(core.error().message);
  r.core = *std::move(core);
}

bool replica_runner::can_lapse(const replica& r) const {
  if (!scope_.pre_vote && !scope_.check_quorum) return false;
  if (!r.core.leader() || r.core.role() == core::role::leader) return false;
  const core::timing timing = timing_of(r.core);
  const instant silent = timing.leader_heard + settings_->election_timeout_min;
  return timing.now < silent && silent < timing.election;
}

effects replica_runner::give(replica& r, const input& in) const {
  const replica_view before = view_of(r);
  effects out;
  apply(r, in, out);
  const bool takes_turn = in.kind == input_kind::turn || in.kind == input_kind::crash;
  if (takes_turn || !scope_.separate_turns) take_turn(r, out);
  note(judge_step(before, in.kind, view_of(r)), out);
  return out;
}

void replica_runner::apply(replica& r, const input& in, effects& out) const {
  switch (in.kind) {
    case input_kind::deliver: {
      core::envelope e = *in.message;
      if (scope_.broken.deliver) scope_.broken.deliver(e);
      if (std::holds_alternative<core::read_index_response>(e.message)) {
        e.call = replica_facts(r.core).call_of_name(e.call);
      }
      return r.core.step(std::move(e));
    }
    case input_kind::alarm:
      return r.core.advance(r.core.next_deadline());
    case input_kind::lapse:
      return r.core.advance(timing_of(r.core).leader_heard + settings_->election_timeout_min);
    case input_kind::propose: {
      const auto text = command_text(r.core.current_term(), r.core.last_index().next());
      const auto command = shared_bytes::copy_of(text);
      if (!r.core.propose({&command, 1}, log_time{})) {
        note(violation{property::core_in_order, "a leader refused a command"}, out);
      }
      return;
    }
    case input_kind::read:
      return r.core.read(in.number);
    case input_kind::persist: {
      const std::uint64_t sequence = r.disk.pending->sequence;
      r.disk.end_batch(r.disk.steps());
      return r.core.persisted(sequence);
    }
    case input_kind::refuse:
      return r.core.not_persisted(std::exchange(r.disk.pending, std::nullopt)->sequence);
    case input_kind::crash:
      return restart(r, in.number);
    case input_kind::step_down:
      return r.core.step_down();
    case input_kind::give_up: {
      const auto call = replica_facts(r.core).call_of_name(in.message->call);
      return r.core.unreachable(in.message->to, call);
    }
    case input_kind::turn:
      return;
  }
}

void replica_runner::take_turn(replica& r, effects& out) const {
  constexpr int enough = 16;
  for (int round = 0; round < enough; ++round) {
    core::ready ready = r.core.take_ready();
    if (ready.empty()) return;
    carry_out(r, ready, out);
  }
  note(violation{property::core_in_order, "its outputs have no end"}, out);
}

void replica_runner::carry_out(replica& r, core::ready& ready, effects& out) const {
  if (scope_.broken.send) scope_.broken.send(ready.messages);
  if (scope_.broken.grant) scope_.broken.grant(ready.granted_reads);
  send(r, ready.messages, out);
  out.granted.insert(out.granted.end(), ready.granted_reads.begin(), ready.granted_reads.end());
  for (const auto& failed : ready.failed_reads) out.failed_reads.push_back(failed.context);
  if (!ready.log_reads.empty()) {
    note(violation{property::core_in_order, "it asked for entries that are in memory"}, out);
  }
  if (!ready.committed.empty()) {
    note(judge_applied(r, ready.committed), out);
    r.core.applied(ready.committed.back().index);
  }
  if (ready.persist.empty()) return;
  if (r.disk.pending) {
    note(violation{property::core_in_order, "it handed out two batches at once"}, out);
  }
  if (scope_.broken.write) scope_.broken.write(ready.persist);
  r.disk.pending = std::move(ready.persist);
  if (scope_.slow_disks) return;
  const std::uint64_t sequence = r.disk.pending->sequence;
  r.disk.end_batch(r.disk.steps());
  r.core.persisted(sequence);
}

void replica_runner::send(const replica& r, std::vector<core::envelope>& messages,
                          effects& out) const {
  const replica_facts facts(r.core);
  for (auto& e : messages) {
    note(judge_message(r, e), out);
    e.call = name_of_call(e, facts);
    out.sent.push_back(std::move(e));
  }
}

void replica_runner::note(std::optional<violation> wrong, effects& out) const {
  if (!wrong || out.wrong) return;
  if ((unchecked_ >> static_cast<unsigned>(wrong->broken) & 1U) != 0) return;
  out.wrong = std::move(wrong);
}

std::uint32_t unchecked_bits(const scope& s) {
  std::uint32_t bits = 0;
  for (const property p : s.unchecked) bits |= 1U << static_cast<unsigned>(p);
  return bits;
}

namespace {

void put_disk(hasher& h, const explored_disk& disk) {
  h.put(disk.hard_state);
  h.put(disk.entries);
  h.put(disk.pending.has_value());
  if (!disk.pending) return;
  h.put(disk.pending->has_hard_state), h.put(disk.pending->truncate_from);
  if (disk.pending->has_hard_state) h.put(disk.pending->state);
  h.put(disk.pending->entries);
}

}  // namespace

renamed_hashes replica_runner::hashes_of(const replica& r) const {
  const replica_facts facts(r.core);
  renamed_hashes all{};
  for (std::size_t i = 0; i < renamings.size(); ++i) {
    hasher h(renamings[i]);
    r.core.visit_state(replica_hasher(r.core, *settings_, facts, h));
    put_disk(h, r.disk);
    all[i] = h.value();
  }
  return all;
}

renamed_hashes hashes_of(const core::envelope& e) {
  renamed_hashes all{};
  for (std::size_t i = 0; i < renamings.size(); ++i) {
    hasher h(renamings[i]);
    h.put(e), h.put(e.call);
    all[i] = h.value();
  }
  return all;
}

}  // namespace mainstay::simulation::exploration
