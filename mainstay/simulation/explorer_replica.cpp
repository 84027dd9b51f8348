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
  if (steps > 1 && batch.reset_to) {
    entries = unpacked(snapshot->id.digest);
    base = batch.reset_to->first;
    entries.resize(base.value());
  }
  if (steps > 1 && batch.truncate_from && batch.truncate_from.value() <= entries.size()) {
    entries.resize(batch.truncate_from.value() - 1);
  }
  for (std::size_t i = 0; i + 2 < steps && i < batch.entries.size(); ++i) {
    entries.push_back(batch.entries[i]);
  }
}

core::snapshot explored_disk::install(const core::configuration& members) {
  const core::snapshot made{*std::exchange(installing, std::nullopt), {}, members};
  received.reset();
  const bool is_newer = !snapshot || snapshot->id.last_included_index < made.id.last_included_index;
  if (is_newer) snapshot = made;
  return made;
}

std::vector<core::entry> explored_disk::found_entries() const {
  if (!snapshot) return entries;
  const auto& [index, last_term, size, digest] = snapshot->id;
  const bool holds_it =
      index.value() <= entries.size() && entries[index.value() - 1].term == last_term;
  return holds_it ? entries : unpacked(digest);
}

core::initial_state explored_disk::recover() const {
  core::initial_state found{.hard_state = hard_state, .last_index = log_index(entries.size())};
  found.snapshot = snapshot;
  if (base) found.base = {base, entries[base.value() - 1].term};
  for (const auto& e : entries) {
    if (e.index <= base) continue;
    found.tail.push_back(e);
    if (found.term_runs.empty() || found.term_runs.back().term != e.term) {
      found.term_runs.push_back({e.index, e.term});
    }
  }
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
  if (s[allowance::snapshot] > 0) c.compaction_tail_bytes = 0;
  auto checked = core::valid_config::check(c);
  if (!checked) throw std::logic_error(checked.error().message);
  return *checked;
}

std::string command_text(term t, log_index i) {
  return std::to_string(t.value()) + "." + std::to_string(i.value());
}

std::vector<core::entry> unpacked(std::uint64_t bits) {
  const packed_log log = packed_log::of_bits(bits);
  std::vector<core::entry> entries;
  for (std::uint64_t i = 1; i <= log.size(); ++i) {
    const bool is_command = log.is_command_at(i);
    const term of_entry(log.term_at(i));
    core::entry e{.index = log_index(i),
                  .term = of_entry,
                  .kind = is_command ? core::entry_kind::command : core::entry_kind::no_op};
    if (is_command) e.payload = shared_bytes::copy_of(command_text(of_entry, e.index));
    entries.push_back(std::move(e));
  }
  return entries;
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
  const bool takes_turn = in.kind == input_kind::turn || is_crash(in.kind);
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
      } else if (std::holds_alternative<core::install_snapshot_response>(e.message)) {
        e.call = replica_facts(r.core).call_of_chunk(e.from, e.call);
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
    case input_kind::crash_behind_install:
      static_cast<void>(r.disk.install(r.core.configuration()));
      return restart(r, in.number);
    case input_kind::crash:
      r.disk.installing.reset();
      return restart(r, in.number);
    case input_kind::save:
      return save(r);
    case input_kind::install:
      return install(r);
    case input_kind::step_down:
      return r.core.step_down();
    case input_kind::give_up: {
      const replica_facts facts(r.core);
      const auto& [from, to, name, message] = *in.message;
      const bool is_chunk = std::holds_alternative<core::install_snapshot>(message);
      return r.core.unreachable(
          to, is_chunk ? facts.call_of_chunk(to, name) : facts.call_of_name(name));
    }
    case input_kind::turn:
      return;
  }
}

/// Done at once: what a crash leaves of an image that is being written is nothing.
void replica_runner::save(replica& r) const {
  const log_index index = r.core.last_applied();
  const packed_log covered = view_of(r).log.prefix(index.value());
  const core::snapshot made{
      {index, r.core.entries().term_at(index), 1, covered.bits()}, {}, r.core.configuration()};
  r.disk.snapshot = made;
  r.core.snapshot_saved(made);
}

void replica_runner::install(replica& r) const {
  r.core.snapshot_installed(r.disk.install(r.core.configuration()));
}

/// Images are one byte long, so that a chunk has all of one or nothing.
void replica_runner::carry_out_images(replica& r, core::ready& ready) const {
  for (const auto& wanted : ready.snapshot_reads) {
    r.core.snapshot_read(wanted.id, shared_bytes::copy_of("!"));
  }
  for (const auto& chunk : ready.snapshot_chunks) {
    if (chunk.offset == 0 && !chunk.data.empty()) r.disk.received = chunk.image;
    const bool is_whole = r.disk.received == chunk.image;
    r.core.snapshot_chunk_stored(chunk.id, is_whole ? 1 : 0, is_whole);
  }
  if (ready.install) {
    r.disk.installing = ready.install;
    if (!scope_.slow_disks) install(r);
  }
  if (ready.restore) r.core.applied(ready.restore->id.last_included_index);
  if (ready.compact_to) r.disk.base = std::max(r.disk.base, ready.compact_to);
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
  carry_out_images(r, ready);
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
  h.put(disk.entries), h.put(disk.base);
  h.put(disk.snapshot ? disk.snapshot->id : core::snapshot_id{});
  h.put(disk.received.value_or(core::snapshot_id{}));
  h.put(disk.installing.value_or(core::snapshot_id{}));
  h.put(disk.pending.has_value());
  if (!disk.pending) return;
  h.put(disk.pending->has_hard_state), h.put(disk.pending->truncate_from);
  h.put(disk.pending->reset_to ? disk.pending->reset_to->first : log_index{});
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
