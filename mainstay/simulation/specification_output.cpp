/// What a server may hand out: what it writes, says, applies and grants. Choices of when and how
/// much are free; what is said must be true, and durable where it promises to be.
#include <algorithm>
#include <iterator>
#include <utility>

#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

namespace {

constexpr const char* durable_term_rule =
    "paper figure 2: a term is on stable storage before a message names it";
constexpr const char* one_answer_rule =
    "docs/decisions/0005: every request gets exactly one response";

/// The entry of the log as it was under this leadership.
const core::entry* entry_of(const server& s, const leadership& l, log_index index) {
  const bool over = s.led && &l == &*s.led;
  if (over && index > l.kept) {
    const std::uint64_t place = index - l.kept - 1;
    return place < l.gone.size() ? &l.gone[place] : nullptr;
  }
  return index > s.base.first && index <= s.last_index() ? &s.entry_at(index) : nullptr;
}

}  // namespace

void server::puts_out(const core::ready& out, const appearance& after) {
  begin_step();
  because("core: to hand out what is to be done changes nothing that can be seen");
  end_step(after);

  hand_out_images(out);
  hand_to_disk(out.persist);
  for (const auto& e : out.messages) send(e);
  hand_to_machine(out.committed);
  for (const auto& r : out.log_reads) {
    hold(r.first > base.first && r.first <= r.last && r.last <= last_index(),
         "core/ready.hpp: only entries of the log are read back");
  }
  for (const auto& g : out.granted_reads) {
    const auto read = std::ranges::find_if(
        reads, [&](const waiting_read& r) { return !r.from && r.context == g.context; });
    hold(read != reads.end(), "thesis §6.4: a read is answered once, and only when it was asked");
    if (const char* rule = objection_to_grant(*read, g.index)) throw broken_rule(rule);
    hold(!g.by_lease || read->by_lease,
         "thesis §6.4.1: a read rests on a lease only while a quorum's promises last");
    reads.erase(read);
  }
  for (const auto& f : out.failed_reads) {
    const auto read = std::ranges::find_if(
        reads, [&](const waiting_read& r) { return !r.from && r.context == f.context; });
    hold(read != reads.end(), "thesis §6.4: a read is answered once, and only when it was asked");
    reads.erase(read);
  }
  end_transfer(out, after);
  end_turn(out);
}

// ---- The disk ---------------------------------------------------------------------------------

/// The batch must turn what the disk will hold into what the server holds, and no more than that.
void server::hand_to_disk(const core::persist_batch& batch) {
  if (std::exchange(reset_is_uncertain, false) && !batch.reset_to) {
    write_to_disk({.reset_to = base});
    must_reset_disk = false;
  }
  if (batch.empty()) {
    hold(disk.in_flight || !is_unsaved(),
         "paper figure 2: what changed of the persistent state goes to stable storage");
    return;
  }
  hold(!disk.in_flight, "core/entry.hpp: one batch at a time");
  hold(batch.sequence > last_sequence, "core/entry.hpp: sequences rise");
  hold(batch.has_hard_state == (state != disk.state) &&
           (!batch.has_hard_state || batch.state == state),
       "paper figure 2: term and vote are written together when they differ from the disk");

  hold(batch.reset_to.has_value() == must_reset_disk &&
           (!must_reset_disk || *batch.reset_to == base),
       "paper §7: a log that gave way to a snapshot goes from the disk, and no other");
  hold(!batch.reset_to || !batch.truncate_from,
       "core/entry.hpp: a reset leaves nothing to cut off");
  must_reset_disk = false;
  log_index left = batch.reset_to ? base.first : disk_last();
  if (batch.truncate_from) {
    hold(batch.truncate_from > durable_index,
         "paper figure 2, AppendEntries 3: what the disk shares with the log is not removed");
    left = std::min(left, batch.truncate_from.previous());
  }
  hold(left == durable_index,
       "paper figure 2, AppendEntries 3: what conflicts is removed from the disk before entries "
       "follow");
  for (const auto& e : batch.entries) {
    left = left.next();
    hold(left <= last_index() && same(e, entry_at(left)),
         "paper figure 2: the disk is given the entries of the log, in order");
  }
  hold(left == last_index(), "paper figure 2: the disk is given all of the log that it lacks");
  disk.in_flight = batch;
  last_sequence = batch.sequence;
  handed_index = flight_index = last_index();
}

// ---- Messages ---------------------------------------------------------------------------------

void server::send(const core::envelope& e) {
  hold(e.from == id && e.to && e.to != id, "core: a server speaks for itself, to others");
  const auto* vote = std::get_if<core::request_vote>(&e.message);
  const auto* voted = std::get_if<core::request_vote_response>(&e.message);
  const bool granted_pre_vote = voted != nullptr && voted->pre_vote && voted->vote_granted;
  if (!granted_pre_vote) {
    // A pre-vote asks about the term after the current one.
    const term known = disk.state.current_term;
    const bool pre_vote = vote != nullptr && vote->pre_vote;
    hold(core::term_of(e.message) <= (pre_vote ? known.next() : known), durable_term_rule);
  }
  if (vote != nullptr) return send(e, *vote);
  if (const auto* m = std::get_if<core::append_entries>(&e.message)) return send(e, *m);
  if (const auto* m = std::get_if<core::read_index>(&e.message)) return send(e, *m);
  if (const auto* m = std::get_if<core::timeout_now>(&e.message)) return send(e, *m);
  if (const auto* m = std::get_if<core::install_snapshot>(&e.message)) return send(e, *m);
  if (const auto* m = std::get_if<core::read_index_response>(&e.message)) return answer_read(e, *m);
  answer(e);
}

void server::send(const core::envelope&, const core::request_vote& m) {
  const auto of_term = [&](const candidacy& c) {
    return c.term == m.term && c.pre_vote == m.pre_vote;
  };
  hold(std::ranges::any_of(candidacies, of_term),
       "paper §5.2: only who stands for election in a term asks for votes");
  const auto as_shown = [&](const candidacy& c) {
    return of_term(c) && c.last_index == m.last_log_index && c.last_term == m.last_log_term;
  };
  hold(std::ranges::any_of(candidacies, as_shown),
       "paper §5.4.1: a candidate shows the log with which it stands");
  hold(std::ranges::any_of(
           candidacies,
           [&](const candidacy& c) { return as_shown(c) && c.was_told == m.leadership_transfer; }),
       "thesis §4.2.3: who was told to stand by the leader says so, and nobody else");
  const bool own_vote_is_safe =
      disk.state.current_term > m.term || disk.state == core::hard_state{m.term, id};
  hold(m.pre_vote || own_vote_is_safe,
       "paper figure 2: a candidate's own vote is on stable storage before it asks for others");
}

void server::send(const core::envelope& e, const core::append_entries& m) {
  const bool leads = leading && leading->term == m.term;
  hold(leads || (led && led->term == m.term),
       "paper §5.2: append_entries come from the leader of their term alone");
  const leadership& l = leads ? *leading : *led;
  const auto to = std::ranges::find(l.peers, e.to, &peer::id);
  hold(to != l.peers.end(), "paper §6: append_entries go to members of the configuration");
  hold(m.leader_commit <= (leads ? commit_index : l.commit_index),
       "paper figure 2: leader_commit is no more than the leader has committed");

  if (m.prev_log_index > base.first) {
    const core::entry* previous = entry_of(*this, l, m.prev_log_index);
    hold(previous != nullptr && previous->term == m.prev_log_term,
         "paper §5.3: prev_log_term is the term of the leader's entry at prev_log_index");
  } else {
    const bool is_base = m.prev_log_index == base.first && m.prev_log_term == base.term;
    const bool asks_nothing = !m.prev_log_index && !m.prev_log_term && m.entries.empty();
    hold(is_base || asks_nothing,
         "paper §5.3: prev_log_term is the term of the leader's entry at prev_log_index");
  }
  log_index index = m.prev_log_index;
  for (const auto& entry : m.entries) {
    index = index.next();
    const core::entry* own = entry_of(*this, l, index);
    hold(own != nullptr && same(*own, entry),
         "paper §5.3: append_entries carry the leader's own entries, in order");
  }
  newest_round = std::max(newest_round, m.round);
  if (!leads) return;
  peer& p = leading->peers[static_cast<std::size_t>(to - l.peers.begin())];
  p.last_sent = now;
  if (!p.first_call) p.first_call = e.call;
  if (settings.lease_reads) note_round(m.round);
}

void server::send(const core::envelope& e, const core::read_index& m) {
  hold(m.term <= state.current_term, "paper §5.1: a server speaks of terms that it has reached");
  asked.push_back({.call = e.call, .to = e.to, .covers = reads_seen});
}

/// An answer must fit a request that is still owed one. Where a request came twice, in two terms, a
/// plain refusal is that of the one which was not followed.
void server::answer(const core::envelope& e) {
  const auto* append = std::get_if<core::append_entries_response>(&e.message);
  const bool is_plain_refusal = append != nullptr && !append->success && append->round == 0;
  const char* why = one_answer_rule;
  auto fits = owed.end();
  bool is_second_best = false;
  for (auto owes = owed.begin(); owes != owed.end(); ++owes) {
    if (owes->from != e.to || owes->call != e.call || owes->kind + 1 != e.message.index()) continue;
    const char* rule = objection_to(*owes, e);
    // A chunk that came twice: what had to be refused is answered first, the other by storage.
    const bool waits =
        owes->kind == core::message(core::install_snapshot{}).index() && owes->reason == nullptr;
    const bool worse = waits || (is_plain_refusal && owes->follows);
    if (rule != nullptr) {
      if (why == one_answer_rule) why = rule;
    } else if (fits == owed.end() || (is_second_best && !worse)) {
      fits = owes;
      is_second_best = worse;
    }
  }
  if (fits == owed.end()) throw broken_rule(why);
  owed.erase(fits);
}

const char* server::objection_to(const owed_answer& owes, const core::envelope& e) const {
  if (const auto* m = std::get_if<core::request_vote_response>(&e.message)) {
    return objection(owes, *m);
  }
  if (const auto* m = std::get_if<core::append_entries_response>(&e.message)) {
    return objection(owes, *m);
  }
  if (const auto* m = std::get_if<core::install_snapshot_response>(&e.message)) {
    return objection(owes, *m);
  }
  const term t = core::term_of(e.message);
  if (t < owes.current || t > state.current_term) {
    return "paper §5.1: an answer carries the current term";
  }
  const auto* transfer = std::get_if<core::timeout_now_response>(&e.message);
  const auto* read = std::get_if<core::read_index_response>(&e.message);
  const bool agrees =
      (transfer != nullptr && transfer->accepted) || (read != nullptr && read->success);
  if (transfer != nullptr && !agrees && owes.may_grant) {
    return "thesis §3.10: who stands because it was told to says so";
  }
  return agrees ? owes.reason : nullptr;
}

const char* server::objection(const owed_answer& owes, const core::request_vote_response& m) const {
  if (!m.vote_granted) {
    if (owes.must_grant)
      return "paper figure 2, RequestVote 2: a free vote goes to whoever asks with a sound log";
    const bool current = m.term >= owes.current && m.term <= state.current_term;
    return current ? nullptr : "paper §5.1: an answer carries the current term";
  }
  if (!owes.may_grant) return owes.reason != nullptr ? owes.reason : one_answer_rule;
  if (m.term != owes.asked) return "paper §5.1: a vote is given for the term that was asked about";
  const bool is_real = owes.asked == owes.current;
  if (m.pre_vote == is_real) return "thesis §9.6: a pre-vote is no vote, and a vote no pre-vote";
  const bool safe =
      disk.state.current_term > m.term || disk.state == core::hard_state{m.term, owes.from};
  if (is_real && !safe) return "paper figure 2: a vote is on stable storage before it is given";
  return nullptr;
}

const char* server::objection(const owed_answer& owes,
                              const core::append_entries_response& m) const {
  if (m.round != 0 && (m.round != owes.round || !owes.follows)) {
    return "thesis §6.4: only who follows the leader acknowledges its round";
  }
  if (m.lease_promise != 0 && !may_promise(owes, m)) {
    return "thesis §6.4.1: only a follower promises its leader a lease, and no more than it keeps";
  }
  if (!m.success) {
    if (owes.matches && owes.asked == state.current_term) {
      return "paper figure 2, AppendEntries: what matches is not refused";
    }
    if (m.term < owes.current || m.term > state.current_term) {
      return "paper §5.1: an answer carries the current term";
    }
    return objection_to_hints(owes, m);
  }
  if (!owes.matches) return owes.reason != nullptr ? owes.reason : one_answer_rule;
  if (m.term != owes.asked) return "paper §5.1: an answer carries the current term";
  if (m.match_index > owes.matched) {
    return "paper §5.3: a follower vouches for what the request showed to match, and no more";
  }
  if (m.match_index > owes.durable) {
    return "paper figure 2: entries are on stable storage before they are acknowledged";
  }
  return nullptr;
}

// Paper §5.3, end: the term of the conflicting entry, and the first index it has of that term.
const char* server::objection_to_hints(const owed_answer& owes,
                                       const core::append_entries_response& m) const {
  constexpr const char* rule =
      "paper §5.3: a mismatch names the conflicting term and the first index of it";
  if (!owes.mismatch) return !m.rejected_index && !m.conflict_term ? nullptr : rule;
  if (m.rejected_index != owes.previous) return rule;
  if (owes.log_version != log_version || owes.previous <= compacted.first) return nullptr;
  if (owes.previous > last_index()) {
    return !m.conflict_term && m.conflict_index == last_index().next() ? nullptr : rule;
  }
  const bool is_within = m.conflict_index > compacted.first && m.conflict_index <= owes.previous;
  if (!is_within || m.conflict_term != term_at(owes.previous)) return rule;
  const bool is_first = term_at(m.conflict_index) == m.conflict_term &&
                        (m.conflict_index.previous() == compacted.first ||
                         term_at(m.conflict_index.previous()) != m.conflict_term);
  return is_first ? nullptr : rule;
}

// ---- Applying and reading ---------------------------------------------------------------------

void server::hand_to_machine(const std::vector<core::entry>& committed) {
  for (const auto& e : committed) {
    hold(e.index == handed_to_apply.next(), "paper §5.3: entries are applied in order, each once");
    hold(e.index <= commit_index, "paper §5.3: only committed entries are applied");
    hold(e.index <= durable_index,
         "docs/decisions/0003: only what is durable on this server is applied");
    hold(same(e, entry_at(e.index)), "paper figure 3: what is applied is the log's own entry");
    handed_to_apply = e.index;
  }
}

void server::answer_read(const core::envelope& e, const core::read_index_response& m) {
  const auto is_it = [&](const waiting_read& r) { return r.from == e.to && r.context == e.call; };
  // A question that came twice is answered twice. A grant may rest on the first time that it came;
  // a refusal is taken as that of the last.
  const auto first = std::ranges::find_if(reads, is_it);
  if (first == reads.end()) return answer(e);
  if (!m.success) {
    reads.erase(std::prev(std::find_if(reads.rbegin(), reads.rend(), is_it).base()));
    return;
  }
  if (const char* rule = objection_to_grant(*first, m.index)) throw broken_rule(rule);
  hold(m.term == first->led, "thesis §6.4: a leader grants reads in the term in which it leads");
  reads.erase(first);
}

const char* server::objection_to_grant(const waiting_read& read, log_index index) const {
  const bool leads = leading && leading->term == read.led;
  if (leads || (led && led->term == read.led)) {
    const leadership& l = leads ? *leading : *led;
    if (index > (leads ? commit_index : l.commit_index)) {
      return "thesis §6.4: a read index is no more than what is committed";
    }
    if (index < l.first_index) {
      return "thesis §6.4, step 1: no read before an entry of the leader's own term is committed";
    }
    if (index < read.least) {
      return "thesis §6.4, step 2: a read sees what was committed when it came";
    }
    if (!read.by_lease && !is_confirmed(l, read.round_before)) {
      return "thesis §6.4, step 3: a quorum acknowledges a round that began after the read";
    }
    return nullptr;
  }
  const bool was_answered = !read.from && std::ranges::any_of(answered, [&](const auto& a) {
    return a.covers >= read.number && a.answer <= index;
  });
  return was_answered
             ? nullptr
             : "thesis §6.4: a follower's read waits for the leader's answer to a question "
               "asked after it";
}

bool server::confirms(const leadership& l, const membership& by, std::uint64_t round_before) const {
  return by.has_quorum([&](node_id other) {
    const auto p = std::ranges::find(l.peers, other, &peer::id);
    return other == id || (p != l.peers.end() && p->acknowledged_round > round_before);
  });
}

/// Within a turn it may have been confirmed before the members changed.
bool server::is_confirmed(const leadership& l, std::uint64_t round_before) const {
  return confirms(l, l.members, round_before) ||
         std::ranges::any_of(l.members_before,
                             [&](const membership& m) { return confirms(l, m, round_before); });
}

// ---- What a turn must not leave open ----------------------------------------------------------

void server::end_turn(const core::ready& out) {
  const core::leadership is{role, state.current_term, leader};
  hold(out.changed == (is != reported ? std::optional(is) : std::nullopt),
       "core/ready.hpp: every change of role, term or leader is reported, once");
  reported = is;

  if (!leading) {
    // Followers who asked a leader that leads no more are told so, once the new term is durable.
    for (const auto& r : reads) {
      if (!r.from) continue;
      owed.push_back({.from = r.from,
                      .call = r.context,
                      .kind = core::message(core::read_index{}).index(),
                      .current = r.led,
                      .due = is_unsaved() ? last_sequence + 1 : last_sequence,
                      .reason = "thesis §6.4: only the leader gives read indexes"});
    }
    std::erase_if(reads, [](const waiting_read& r) { return static_cast<bool>(r.from); });
  }
  // A refusal that names a newer term than the request met waits for that term to be durable; a
  // chunk's answer waits for storage.
  const auto oldest_owed = std::ranges::find_if(owed, [](const owed_answer& o) {
    return o.kind != core::message(core::install_snapshot{}).index() || o.reason != nullptr;
  });
  hold(oldest_owed == owed.end() || oldest_owed->due > durable_sequence || disk.state != state,
       one_answer_rule);
  if (leading) {
    for (const auto& p : leading->peers) {
      if (p.has_left) continue;
      hold(p.last_sent != instant::min(), "paper §5.2: a new leader speaks to everyone at once");
      hold(now - p.last_sent < settings.heartbeat_interval,
           "paper §5.2: a leader's heartbeats leave when they are due");
    }
  }
  if (!reads.empty()) {
    const waiting_read& oldest = reads.front();
    hold(leader || oldest.from, "thesis §6.4: without a leader no read is kept waiting");
    // With leases heartbeats begin rounds as well, and those are not asked for by reads. But once
    // a quorum has answered the newest of all, none of a read can be missing.
    const std::uint64_t before = settings.lease_reads && newest_round > 0
                                     ? std::max(oldest.round_before, newest_round - 1)
                                     : oldest.round_before;
    const bool granted = leading && leading->term == oldest.led &&
                         commit_index >= leading->first_index &&
                         confirms(*leading, leading->members, before);
    hold(!granted, "thesis §6.4: a read that a quorum has confirmed is granted");
  }
  // With nothing left to be made durable, all that was to be asked has been asked.
  if (!disk.in_flight && !is_unsaved()) candidacies.clear();
  led.reset();
  if (leading) leading->members_before.clear();
  answered.clear();
  compact();
}

}  // namespace mainstay::simulation::specification
