/// The state of one server, its disk, and the inputs that are no messages.
#include "mainstay/simulation/specification.hpp"

#include <algorithm>
#include <utility>

namespace mainstay::simulation::specification {

namespace {

bool has(const std::vector<node_id>& list, node_id id) { return std::ranges::count(list, id) != 0; }

bool is_majority(const std::vector<node_id>& voters, const std::function<bool(node_id)>& agrees) {
  return 2 * std::ranges::count_if(voters, agrees) > std::ssize(voters);
}

std::vector<node_id> ids_of(const std::vector<core::member>& list) {
  std::vector<node_id> ids;
  for (const auto& m : list) ids.push_back(m.id);
  return ids;
}

std::string text_of(const core::hard_state& s) {
  return "term " + std::to_string(s.current_term.value()) + " vote " +
         std::to_string(s.voted_for.value());
}

constexpr const char* disk_rule =
    "core/entry.hpp: after a crash the disk holds what was durable and a prefix of the batch in "
    "flight";

}  // namespace

bool membership::contains(node_id id) const { return is_voter(id) || has(learners, id); }

bool membership::is_voter(node_id id) const { return has(voters, id) || has(outgoing_voters, id); }

bool membership::has_quorum(const std::function<bool(node_id)>& agrees) const {
  return is_majority(voters, agrees) &&
         (outgoing_voters.empty() || is_majority(outgoing_voters, agrees));
}

membership membership_of(const core::configuration& c) {
  return {ids_of(c.voters), ids_of(c.outgoing_voters), ids_of(c.learners), c};
}

// ---- Steps ------------------------------------------------------------------------------------

void server::begin_step() {
  rules_ = {
      "paper §5.1: the term changes only through a candidacy or a higher term in a message",
      "paper §5.2: a vote changes only with the term, or when it is given to whoever asked",
      "paper §5.2: the role changes only through elections, the leader's word and higher terms",
      "paper §5.2: a leader is known by its append_entries, and for its term only",
      "paper §5.3: the log changes only by the leader's entries and a leader's own commands",
      "paper §5.4.2: the commit index moves only by a durable majority or the leader's word",
  };
  alarm_rule_ = alarm_rule::stays;
  settled_ = owed.size();
}

void server::because(const char* rule) { rules_ = {rule, rule, rule, rule, rule, rule}; }

void server::end_step(const appearance& after) {
  // Paper §6, thesis §4.2.2: it may hand over first, to whom it will, and for so long.
  if (leading && leading->makes_way && after.role != role) {
    because("paper §6: a leader that the new configuration leaves out steps down when it commits");
    become_follower(state.current_term, {});
  }
  compare(after);
  for (std::size_t i = settled_; i < owed.size(); ++i) {
    owed[i].current = state.current_term;
    owed[i].due = is_unsaved() ? last_sequence + 1 : last_sequence;
  }
}

void server::compare(const appearance& after) {
  hold(after.now == now, "core: time comes from advance alone");
  hold(after.state.current_term == state.current_term, rules_.term);
  hold(after.state.voted_for == state.voted_for, rules_.vote);
  hold(after.role == role, rules_.role);
  hold(after.leader == leader, rules_.leader);
  hold(after.last_index == last_index() && after.last_term == last_term(), rules_.log);
  hold(after.commit_index == commit_index, rules_.commit);
  hold(after.last_applied == last_applied,
       "paper §5.3: what is applied is what the state machine says it has applied");
  hold(after.stable_index <= durable_index,
       "paper figure 2: durable is what the disk has finished, and what the log still is");
  hold(after.base == compacted, "paper §7: the log loses its beginning to a snapshot alone");
  hold(after.snapshot_index == (snapshot ? snapshot->id.last_included_index : log_index{}),
       "paper §7: a snapshot is the newest that was saved or installed");
  hold(after.is_installing == is_installing(),
       "paper §7: an image is installed from the moment it is whole until the machine has it");
  hold(after.configuration_index == configurations.back().index,
       "paper §6: the newest configuration in the log is in force, committed or not");
  if (leading) {
    hold(!after.is_fenced || leading->heir || leading->makes_way,
         "thesis §3.10: only a leader that hands over refuses commands for it");
    hold(after.uncommitted_bytes == leading->uncommitted_bytes,
         "docs/divergence.md, limits: what is accepted and not committed is counted exactly");
    return;
  }
  const bool moved = after.alarm != alarm;
  hold(alarm_rule_ == alarm_rule::stays ? !moved : true,
       "paper §5.2: only the leader's word, a vote given, and a candidacy put the election off");
  if (moved || alarm_rule_ == alarm_rule::moves) {
    hold(after.alarm >= now + settings.election_timeout_min &&
             after.alarm < now + settings.election_timeout_max,
         "paper §5.2, §9.3: an election is put off by a random time within the interval");
  }
  alarm = after.alarm;
}

// ---- Starts -----------------------------------------------------------------------------------

void server::begins(const recovered_disk& found, const membership& bootstrap,
                    const appearance& after) {
  base = compacted = disk.base = found.base;
  configurations = {{base.first, bootstrap}};
  for (const auto& m : bootstrap.written.learners) {
    if (m.id == id) joined_from = m.joined;
  }
  disk.state = found.state;
  for (log_index i = base.first.next(); i <= found.last_index; i = i.next()) {
    const core::entry* known = found.entry_at(i);
    if (known == nullptr) known_from = i.next();
    disk.log.push_back(known != nullptr ? *known
                                        : core::entry{.index = i, .term = found.term_at(i)});
  }
  restart_from(found, after);
}

void server::recovers(const recovered_disk& found, const appearance& after) {
  const auto flight = std::exchange(disk.in_flight, std::nullopt).value_or(core::persist_batch{});
  // What a prefix of the batch would have left behind, longer and longer.
  if (!holds(found))
    write_to_disk({.has_hard_state = flight.has_hard_state, .state = flight.state});
  if (!holds(found)) {
    write_to_disk({.truncate_from = flight.truncate_from, .reset_to = flight.reset_to});
  }
  for (const auto& e : flight.entries) {
    if (holds(found)) break;
    write_to_disk({.entries = {e}});
  }
  hold(holds(found), disk_rule);
  const bool was_uncertain = reset_is_uncertain;  // and the last start wrote nothing
  restart_from(found, after);
  // A log that gives way to the snapshot looks the same whether or not the disk had got so far.
  reset_is_uncertain = must_reset_disk && (was_uncertain || flight.reset_to == base);
}

bool server::holds(const recovered_disk& found) const {
  if (found.state != disk.state) return false;
  const log_index last = disk_last();
  const auto term_on_disk = [&](log_index i) {
    return i == disk.base.first ? disk.base.term : disk.log[i - disk.base.first - 1].term;
  };
  if (found.snapshot && found.base.first == found.snapshot->id.last_included_index &&
      found.last_index == found.base.first) {
    // Either the log ends with the snapshot, or it gave way to it.
    const log_index index = found.base.first;
    const bool is_there = index >= disk.base.first && index <= last &&
                          term_on_disk(index) == found.snapshot->id.last_included_term;
    return !is_there || last == index;
  }
  const bool base_fits = found.base.first >= disk.base.first &&
                         found.base.first <= compacted.first && found.base.first <= last &&
                         term_on_disk(found.base.first) == found.base.term;
  if (!base_fits || found.last_index != last) return false;
  return found.term_at(last) == term_on_disk(last);
}

/// Forgets all that is volatile (paper, figure 2) and takes the log as the disk has it.
void server::restart_from(const recovered_disk& found, const appearance& after) {
  server next;
  next.id = id;
  next.settings = settings;
  next.joined_from = joined_from;
  next.known_from = known_from;
  next.configurations = {configurations.front()};
  next.disk = std::move(disk);
  next.state = next.disk.state;
  next.images = images;
  next.snapshot = snapshot;
  if (found.snapshot) next.take_back(*found.snapshot, found);
  next.base = next.compacted = found.base;
  if (!next.must_reset_disk) {
    // Compaction may have got so far before the crash.
    const auto gone = static_cast<std::ptrdiff_t>(found.base.first - next.disk.base.first);
    next.disk.log.erase(next.disk.log.begin(), next.disk.log.begin() + gone);
    next.disk.base = found.base;
  }
  const std::vector<core::entry> none;
  for (const auto& e : next.must_reset_disk ? none : next.disk.log) {
    hold(found.term_at(e.index) == e.term, disk_rule);
    const core::entry* known = found.entry_at(e.index);
    hold(known == nullptr || next.same(*known, e), disk_rule);
    next.append(e);
  }
  if (found.in_force.index > base.first && found.in_force.index < known_from) {
    // It stands where only terms are known.
    next.configurations.insert(next.configurations.begin() + 1, found.in_force);
  }
  next.durable_index = next.handed_index = next.last_index();
  if (next.snapshot) {
    // What it says of its index is in force there; what the log says behind it comes after.
    const log_index index = next.snapshot->id.last_included_index;
    std::erase_if(next.configurations, [&](const auto& c) { return c.index <= index; });
    next.configurations.insert(next.configurations.begin(),
                               {index, membership_of(next.snapshot->configuration)});
    next.commit_index = next.handed_to_apply = next.last_applied = index;
  }
  next.reported = {next.role, next.state.current_term, next.leader};
  next.now = after.now;
  next.bound_until = after.now + settings.election_timeout_min;  // it may have promised before
  *this = std::move(next);

  begin_step();
  because("paper figure 2: a server starts as a follower with what its disk holds, and no more");
  alarm_rule_ = alarm_rule::moves;
  compare(after);
}

// ---- The log and the disk ---------------------------------------------------------------------

term server::term_at(log_index index) const {
  return index == base.first ? base.term : entry_at(index).term;
}

bool server::same(const core::entry& a, const core::entry& b) const {
  if (a.index != b.index || a.term != b.term) return false;
  if (a.index < known_from) return true;
  return a.kind == b.kind && a.time == b.time && a.payload == b.payload;
}

void server::append(core::entry e) {
  ++log_version;
  if (e.kind == core::entry_kind::configuration) {
    const auto c = core::decode_configuration(e.payload.span());
    hold(c.has_value(), "paper §6: a configuration entry holds a configuration");
    configurations.push_back({e.index, membership_of(*c)});
  }
  log.push_back(std::move(e));
}

/// Appends an entry that this server made itself as the leader.
void server::append_own(const core::entry& seen, core::entry_kind kind,
                        const shared_bytes& payload) {
  const log_index next = last_index().next();
  hold(seen.index == next && seen.term == state.current_term && seen.kind == kind &&
           seen.payload == payload,
       rules_.log);
  hold(log.empty() || next <= known_from || seen.time >= log.back().time,
       "docs/divergence.md, entry time: it never decreases along a log");
  leading->uncommitted_bytes += core::size_of(seen);
  append(seen);
}

void server::truncate_from(log_index from) {
  ++log_version;
  const auto first = log.begin() + static_cast<std::ptrdiff_t>(from - base.first - 1);
  if (led && from <= led->kept) {
    const auto end = log.begin() + static_cast<std::ptrdiff_t>(led->kept - base.first);
    led->gone.insert(led->gone.begin(), first, end);
    led->kept = from.previous();
  }
  log.erase(first, log.end());
  while (configurations.back().index >= from) configurations.pop_back();
  durable_index = std::min(durable_index, from.previous());
  handed_index = std::min(handed_index, from.previous());
  flight_index = std::min(flight_index, from.previous());
}

/// True when the batch in flight, once durable, leaves something of the persistent state unsaved.
bool server::is_unsaved() const {
  core::hard_state then = disk.state;
  if (must_reset_disk) return true;
  log_index last = disk_last();
  if (const auto& flight = disk.in_flight) {
    if (flight->has_hard_state) then = flight->state;
    if (flight->reset_to) last = flight->reset_to->first;
    if (flight->truncate_from) last = std::min(last, flight->truncate_from.previous());
    last = last + flight->entries.size();
  }
  return then != state || last != handed_index || last_index() != handed_index;
}

void server::write_to_disk(const core::persist_batch& batch) {
  if (batch.has_hard_state) disk.state = batch.state;
  if (batch.reset_to) {
    disk.base = *batch.reset_to;
    disk.log.clear();
  }
  if (batch.truncate_from && batch.truncate_from <= disk_last()) {
    const auto kept = static_cast<std::ptrdiff_t>(batch.truncate_from - disk.base.first - 1);
    disk.log.erase(disk.log.begin() + kept, disk.log.end());
  }
  disk.log.insert(disk.log.end(), batch.entries.begin(), batch.entries.end());
}

// ---- Inputs that are no messages --------------------------------------------------------------

void server::time_passes(instant to, const appearance& after) {
  begin_step();
  now = to;
  if (leading) {
    const bool deposed = settings.check_quorum && !is_in_contact();
    because("thesis §6.2: a leader steps down when it hears from no majority, and only then");
    if (deposed) become_follower(state.current_term, {});
  } else if (now >= alarm) {
    because("paper §5.2: who hears from no leader until the alarm stands for election");
    campaign();
  } else {
    because("paper §5.2: an election begins when the alarm is due, and not before");
  }
  end_step(after);
}

void server::is_offered(core::entry_kind kind, std::span<const shared_bytes> payloads,
                        const result<log_index>& outcome, const appearance& after) {
  begin_step();
  if (!leading) {
    because("paper §5.3: only the leader takes commands");
    hold(!outcome && outcome.error().code == error_code::not_leader, rules_.log);
    return end_step(after);
  }
  because("paper §5.3: a leader appends the command to its log, and changes nothing else");
  bool fits = true;
  std::uint64_t bytes = leading->uncommitted_bytes;
  for (const auto& payload : payloads) {
    fits = fits && payload.size() <= settings.max_command_bytes;
    bytes += payload.size() + core::entry_allowance;
  }
  fits = fits && bytes <= settings.max_uncommitted_bytes && !after.is_fenced;
  hold(outcome.has_value() == fits,
       "docs/divergence.md, limits: what exceeds a limit is refused, and nothing else is");
  if (outcome) {
    hold(*outcome == last_index().next(), rules_.log);
    hold(after.last_index == last_index() + payloads.size(), rules_.log);
    for (const auto& payload : payloads) {
      append_own(after.entry_at(last_index().next()), kind, payload);
    }
  }
  end_step(after);
}

void server::is_asked_to_read(std::uint64_t context, bool by_lease, const appearance& after) {
  begin_step();
  because("thesis §6.4: a read changes nothing");
  reads.push_back({.number = ++reads_seen,
                   .context = context,
                   .led = leading ? leading->term : term{},
                   .round_before = newest_round,
                   .least = commit_index,
                   .by_lease = by_lease && has_lease()});
  end_step(after);
}

void server::disk_finishes(std::uint64_t sequence, const appearance& after) {
  begin_step();
  if (!disk.in_flight || disk.in_flight->sequence != sequence) {
    because("core: the completion of another batch than the one in flight says nothing");
    return end_step(after);
  }
  write_to_disk(*std::exchange(disk.in_flight, std::nullopt));
  durable_sequence = sequence;
  durable_index = std::max(durable_index, flight_index);
  for (auto& o : owed) {
    if (o.matches && o.asked == state.current_term) {
      o.durable = std::max(o.durable, std::min(o.matched, durable_index));
    }
  }
  rules_.role =
      "paper §5.2: a candidate leads when a majority voted for it, itself included from "
      "the moment its own vote is on disk";
  rules_.commit =
      "paper §5.3, §5.4.2: a leader commits what a majority has on disk, from the first "
      "entry of its own term on";
  if (role == core::role::candidate && wins()) become_leader(after);
  if (leading) advance_commit_index(after);
  end_step(after);
}

void server::disk_refuses(std::uint64_t sequence, const appearance& after) {
  begin_step();
  because("core: a batch that was not written changes nothing");
  if (disk.in_flight && disk.in_flight->sequence == sequence) {
    must_reset_disk = must_reset_disk || disk.in_flight->reset_to.has_value();
    disk.in_flight.reset();
    handed_index = durable_index;
  }
  end_step(after);
}

void server::machine_applied(log_index index, const appearance& after) {
  begin_step();
  because("paper §5.3: applying an entry changes nothing else");
  hold(index <= handed_to_apply, "paper §5.3: nothing is applied that was not handed out for it");
  last_applied = std::max(last_applied, index);
  if (is_restoring && last_applied >= snapshot->id.last_included_index) is_restoring = false;
  end_step(after);
}

void server::call_fails(std::uint64_t call, const appearance& after) {
  begin_step();
  because("paper §5.5: a request that fails changes nothing but when it is sent again");
  std::erase_if(asked, [call](const asked_leader& a) { return a.call == call; });
  end_step(after);
}

void server::steps_down(const appearance& after) {
  begin_step();
  because("core: who is told to gives up leading or standing, and nothing else");
  if (role != core::role::follower) {
    become_follower(state.current_term, {});
    alarm_rule_ = alarm_rule::moves;
  }
  end_step(after);
}

void server::retires(const appearance& after) {
  retired = true;
  steps_down(after);
}

void server::stays_the_same(const appearance& after) {
  begin_step();
  because("core: this input changes nothing that can be seen");
  end_step(after);
}

// ---- In words ---------------------------------------------------------------------------------

std::string describe(const server& s) {
  std::string text = std::string(core::name_of(s.role)) + ", " + text_of(s.state) + ", leader " +
                     std::to_string(s.leader.value()) + ", log to " +
                     std::to_string(s.last_index().value()) + "/" +
                     std::to_string(s.last_term().value()) + ", commits " +
                     std::to_string(s.commit_index.value()) + ", applied " +
                     std::to_string(s.last_applied.value()) + ", durable " +
                     std::to_string(s.durable_index.value()) + "; disk: " + text_of(s.disk.state) +
                     ", log to " + std::to_string(s.base.first.value() + s.disk.log.size());
  if (s.disk.in_flight)
    text += ", batch " + std::to_string(s.disk.in_flight->sequence) + " in flight";
  return text;
}

std::string describe(const appearance& a) {
  return std::string(core::name_of(a.role)) + ", " + text_of(a.state) + ", leader " +
         std::to_string(a.leader.value()) + ", log to " + std::to_string(a.last_index.value()) +
         "/" + std::to_string(a.last_term.value()) + ", commits " +
         std::to_string(a.commit_index.value()) + ", applied " +
         std::to_string(a.last_applied.value()) + ", durable " +
         std::to_string(a.stable_index.value());
}

}  // namespace mainstay::simulation::specification
