/// Hashes of replicas and messages as the explorer compares them: under a renaming of the nodes,
/// and without what cannot influence behaviour. What is left out, and why that is sound, stands at
/// `replica_hasher`; tests/simulation/explorer_abstraction_test.cpp tries to refute it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mainstay/core/raft.hpp"

namespace mainstay::simulation::exploration {

/// How many nodes every explored cluster has.
inline constexpr std::size_t node_count = 3;

/// What each node is called instead; [0] is 0, for "none".
using renaming = std::array<std::uint8_t, node_count + 1>;

/// Every renaming; the first leaves all names as they are.
inline constexpr std::array<renaming, 6> renamings{
    {{0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1}}};

/// One hash for every renaming.
using renamed_hashes = std::array<std::uint64_t, renamings.size()>;

/// Mixes two numbers into one that depends on every bit of both.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd6e8feb86659fd93ULL);
  const auto folded =
      static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  return (folded ^ (folded >> 29)) * 0xbf58476d1ce4e5b9ULL;
}

/// Hashes a sequence of values under one renaming.
class hasher {
 public:
  explicit hasher(const renaming& names) : names_(&names) {}

  /// The hash of all that was put.
  std::uint64_t value() const { return mix(state_, count_); }
  /// An empty hasher under the same renaming.
  hasher fresh() const { return hasher(*names_); }

  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void put(T v) {
    state_ = mix(state_, static_cast<std::uint64_t>(v));
    ++count_;
  }
  void put(node_id id) { put(id.value() <= node_count ? (*names_)[id.value()] : id.value()); }
  void put(term t) { put(t.value()); }
  void put(duration span) { put(span.count()); }
  void put(log_index i) { put(i.value()); }
  void put(std::string_view text) { put(std::hash<std::string_view>{}(text)); }
  void put(const core::hard_state& s) { put(s.current_term), put(s.voted_for); }
  void put(const core::leadership& l) { put(l.role), put(l.term), put(l.leader); }
  void put(const core::entry& e) {
    put(e.index), put(e.term), put(e.kind), put(e.time.microseconds), put(e.payload.text());
  }
  void put(const core::configuration& c) {
    for (const auto* list : {&c.voters, &c.outgoing_voters, &c.learners}) put_unordered(*list);
    put(c.change_id);
  }
  void put(const core::snapshot_id& image) {
    put(image.last_included_index), put(image.last_included_term), put(image.size);
    put(image.digest);
  }
  void put(const core::member& m) {
    put(m.id), put(m.address), put(m.priority), put(m.promote), put(m.joined);
  }
  void put(const core::message& m) {
    put(m.index());
    std::visit([this](const auto& one) { put_fields(one); }, m);
  }
  /// All but the call.
  void put(const core::envelope& e) { put(e.from), put(e.to), put(e.message); }

  template <class T>
  void put(const std::vector<T>& list) {
    for (const auto& one : list) put(one);
    put(list.size());
  }
  /// A list whose order cannot be observed.
  template <class List>
  void put_unordered(const List& list) {
    put_unordered(list, [](hasher& h, const auto& one) { h.put(one); });
  }
  template <class List, class Put>
  void put_unordered(const List& list, const Put& put_one) {
    std::uint64_t sum = 0;
    for (const auto& one : list) {
      hasher h = fresh();
      put_one(h, one);
      sum += h.value();
    }
    put(sum);
  }

 private:
  void put_fields(const core::request_vote& m) {
    put(m.term), put(m.last_log_index), put(m.last_log_term), put(m.pre_vote);
    put(m.leadership_transfer);
  }
  void put_fields(const core::request_vote_response& m) {
    put(m.term), put(m.vote_granted), put(m.pre_vote);
  }
  void put_fields(const core::append_entries& m) {
    put(m.term), put(m.prev_log_index), put(m.prev_log_term), put(m.leader_commit), put(m.round);
    put(m.entries);
  }
  void put_fields(const core::append_entries_response& m) {
    put(m.term), put(m.success), put(m.match_index), put(m.conflict_index), put(m.conflict_term);
    put(m.rejected_index), put(m.round), put(m.lease_promise);
  }
  void put_fields(const core::install_snapshot& m) {
    put(m.term), put(m.image), put(m.offset), put(m.data.text());
  }
  void put_fields(const core::install_snapshot_response& m) {
    put(m.term), put(m.success), put(m.next_offset), put(m.match_index);
  }
  void put_fields(const core::timeout_now& m) { put(m.term); }
  void put_fields(const core::timeout_now_response& m) { put(m.term), put(m.accepted); }
  void put_fields(const core::read_index& m) { put(m.term); }
  void put_fields(const core::read_index_response& m) { put(m.term), put(m.success), put(m.index); }

  const renaming* names_;
  std::uint64_t state_ = 0x8f5f4f1fd0b4a5c1ULL;
  std::uint64_t count_ = 0;
};

/// What has to be known of a replica before it can be hashed, and before its messages can be named:
/// numbers that are compared only with one another, and which read each of its calls asks for.
struct replica_facts {
  std::uint64_t durable_sequence = 0;
  std::uint64_t last_call = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> calls;  ///< call → first context
  /// A chunk of an image that a peer was sent and has not answered.
  struct sent_chunk {
    node_id to;
    std::uint64_t name;
    std::uint64_t call;
  };
  std::vector<sent_chunk> chunks;

  explicit replica_facts(const core::raft& core) { core.visit_state(*this); }

  /// The name of a call that is the same in every run: the first read that it asks for. 0: a read
  /// request whose answer will be ignored.
  std::uint64_t name_of_call(std::uint64_t call) const {
    for (const auto& [number, context] : calls) {
      if (number == call) return context;
    }
    return 0;
  }
  /// The call with this name; for one without a name the newest call, which was made in the role
  /// that the replica has now, unless it asks for reads; else one that it never made.
  std::uint64_t call_of_name(std::uint64_t name) const {
    for (const auto& [number, context] : calls) {
      if (name != 0 && context == name) return number;
    }
    std::uint64_t newest = last_call;
    while (std::ranges::find(chunks, newest, &sent_chunk::call) != chunks.end()) --newest;
    if (name_of_call(newest) == 0) return newest;
    std::uint64_t unused = 0;
    while (name_of_call(unused) != 0) ++unused;
    return unused;
  }

  /// A chunk is named for what it is; one that was sent again cannot be told from the first.
  static std::uint64_t name_of_chunk(const core::snapshot_id& image, std::uint64_t offset,
                                     bool is_empty) {
    return 8 * image.last_included_index.value() + 2 * offset + (is_empty ? 1 : 0);
  }
  /// The call of the chunk that the peer was sent last, if this is its name; else another.
  std::uint64_t call_of_chunk(node_id to, std::uint64_t name) const {
    for (const auto& one : chunks) {
      if (one.to == to && one.name == name) return one.call;
    }
    return call_of_name(0);
  }

  template <class T>
  void operator()(std::string_view name, const T& member) {
    if constexpr (std::is_same_v<T, std::map<node_id, core::progress>>) {
      for (const auto& [peer, p] : member) {
        if (!p.transfer || p.transfer->call == 0) continue;
        const auto& t = *p.transfer;
        const bool is_empty = !t.offset_known || t.next_offset == t.image.size;
        chunks.push_back({peer, name_of_chunk(t.image, t.next_offset, is_empty), t.call});
      }
    }
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (name == "durable_sequence") durable_sequence = member;
      if (name == "last_call") last_call = member;
    }
    if constexpr (std::is_same_v<T, std::map<std::uint64_t, std::vector<std::uint64_t>>>) {
      for (const auto& [call, contexts] : member) calls.emplace_back(call, contexts.front());
    }
  }
};

/// An envelope with the call's name in place of its number. Only reads and chunks match answers by
/// call; the calls of all other messages come back unread, and are 0.
inline std::uint64_t name_of_call(const core::envelope& e, const replica_facts& sender) {
  if (std::holds_alternative<core::read_index>(e.message)) return sender.name_of_call(e.call);
  if (const auto* chunk = std::get_if<core::install_snapshot>(&e.message)) {
    return replica_facts::name_of_chunk(chunk->image, chunk->offset, chunk->data.empty());
  }
  const bool keeps_name = std::holds_alternative<core::read_index_response>(e.message) ||
                          std::holds_alternative<core::install_snapshot_response>(e.message);
  return keeps_name ? e.call : 0;
}

/// Visits a replica's members and hashes what its future depends on. Left out are:
///
/// - the settings, which are the same everywhere;
/// - the random generator, and when exactly the election alarm goes off: the explorer lets time
///   pass on a node by letting its next alarm go off, or (`lapse`) up to the point where a leader
///   counts as silent. Neither depends on how much later the alarm stands;
/// - `now` itself: all other instants are compared with it only, so their distances are hashed;
///   `leader_heard` is asked for one thing, whether the leader counts as silent;
/// - the last answers of peers, unless check-quorum or a snapshot asks for them;
/// - the numbers of calls and of batches: they are compared only with one another, so calls are
///   named for what they ask, and batches counted from the last durable one.
class replica_hasher {
 public:
  replica_hasher(const core::raft& core, const core::config& settings, const replica_facts& facts,
                 hasher& out)
      : core_(core), settings_(settings), facts_(facts), hash_(out) {}

  void operator()(std::string_view, const core::valid_config&) {}
  void operator()(std::string_view, const random_generator&) {}
  void operator()(std::string_view, const core::timing& t) {
    now_ = t.now;
    hash_.put(t.election != core::no_deadline);
    put_distance(t.heartbeat);
    put_distance(t.commit_notice);
    put_distance(t.transfer);
    const bool asks = settings_.pre_vote || settings_.check_quorum;
    hash_.put(asks && core_.leader() && core_.role() != core::role::leader && is_silent(t));
    if (settings_.lease_reads) hash_.put(std::max(t.no_vote_before, now_) - now_);
  }
  void operator()(std::string_view name, std::uint64_t number) {
    // Calls that fail are always of the present role, so where it began makes no difference.
    if (name == "last_call" || name == "calls_before_leading") return;
    if (name == "last_log_read") return;  // answers come within the turn
    const bool is_sequence = name.ends_with("_sequence");
    hash_.put(is_sequence ? from_durable(number) : number);
  }
  void operator()(std::string_view, const core::log& log) {
    hash_.put(log.base_index()), hash_.put(log.base_term()), hash_.put(log.last_index());
    hash_.put(log.window_first()), hash_.put(log.last_time().microseconds);
    for (log_index i = log.base_index().next(); i <= log.last_index(); i = i.next()) {
      hash_.put(log.term_at(i));
      if (i >= log.window_first()) hash_.put(log.at(i));
    }
  }
  void operator()(std::string_view, const std::map<node_id, core::progress>& peers) {
    hash_.put_unordered(peers, [this](hasher& h, const auto& peer) {
      h.put(peer.first);
      put_progress(h, peer.second);
    });
  }
  void operator()(std::string_view, const std::map<node_id, bool>& votes) {
    hash_.put_unordered(votes,
                        [](hasher& h, const auto& vote) { h.put(vote.first), h.put(vote.second); });
  }
  void operator()(std::string_view,
                  const std::map<std::uint64_t, std::vector<std::uint64_t>>& asked) {
    hash_.put_unordered(asked, [](hasher& h, const auto& call) { h.put(call.second); });
  }
  void operator()(std::string_view, const std::deque<std::pair<log_index, std::uint64_t>>& handed) {
    for (const auto& [index, bytes] : handed) hash_.put(index), hash_.put(bytes);
    hash_.put(handed.size());
  }
  void operator()(std::string_view, const core::ready& out) {
    hash_.put_unordered(out.messages, [this](hasher& h, const auto& e) { put_message(h, e); });
    for (const auto& grant : out.granted_reads) hash_.put(grant.context), hash_.put(grant.index);
    for (const auto& failed : out.failed_reads) hash_.put(failed.context);
    hash_.put(out.granted_reads.size()), hash_.put(out.failed_reads.size());
    hash_.put(out.log_reads.size()), hash_.put(out.transfer.has_value());
  }
  void operator()(std::string_view, const core::transfer_state& t) {
    hash_.put(t.phase), hash_.put(t.target), hash_.put(t.goal);  // one call at a time: no name
  }
  template <class T>
  void operator()(std::string_view, const T& member) {
    put_other(hash_, member);
  }

 private:
  bool is_silent(const core::timing& t) const {
    return t.now - settings_.election_timeout_min >= t.leader_heard;
  }
  void put_distance(instant deadline) {
    hash_.put(deadline == core::no_deadline ? -1 : (deadline - now_).count());
  }
  /// Batches up to the last durable one are all alike.
  std::uint64_t from_durable(std::uint64_t sequence) const {
    return std::max(sequence, facts_.durable_sequence) - facts_.durable_sequence;
  }
  void put_message(hasher& h, const core::envelope& e) const {
    h.put(e), h.put(name_of_call(e, facts_));
  }
  void put_progress(hasher& h, const core::progress& p) const {
    h.put(p.state), h.put(p.match_index), h.put(p.next_index), h.put(p.sent_commit);
    h.put(p.acked_round), h.put(p.sent_round), h.put(p.probe_sent), h.put(p.log_read);
    h.put(p.transfer.has_value());
    if (const auto& t = p.transfer) {
      h.put(t->image), h.put(t->next_offset), h.put(t->offset_known), h.put(t->read != 0);
      h.put(t->call != 0), h.put(t->refused), h.put(t->held_back);
      h.put(std::min(now_ - t->sent_at, settings_.election_timeout_max + duration(1)).count());
    }
    for (const auto& flight : p.in_flight) h.put(flight.last_index), h.put(flight.bytes);
    h.put(p.in_flight.size()), h.put(p.in_flight_bytes);
    // Nobody joins twice in any scope, so it is of no account from which call on answers count.
    h.put(p.catching_up.target), h.put(p.catching_up.slow_rounds),
        h.put(p.farewell_call.has_value());
    const auto ago = [&](instant then, duration most) {
      h.put(std::min(now_ - then, most).count());  // longer ago than what is looked for is the same
    };
    ago(p.catching_up.began, settings_.election_timeout_min);
    h.put(p.leaving_since.has_value());
    if (p.leaving_since) ago(*p.leaving_since, 11 * settings_.election_timeout_max);
    if (settings_.lease_reads) h.put(std::max(p.promised_until, now_) - now_);
    // Whoever is silent is sent no snapshot.
    if (!settings_.check_quorum && !core_.snapshot()) return;
    // Longer ago than the longest silence is all the same.
    const duration longest = settings_.election_timeout_max + duration(1);
    h.put(std::min(now_ - p.last_response, longest).count());
  }

  // The replica's private types are known by their members.

  template <class T>
  void put_other(hasher& h, const T& v) const {
    if constexpr (requires { v.begin()->sequence, v.begin()->message; }) {  // withheld messages
      h.put_unordered(v, [this](hasher& one, const auto& w) {
        one.put(from_durable(w.sequence));
        put_message(one, w.message);
      });
    } else if constexpr (requires { v.begin()->context, v.begin()->from; }) {  // waiting reads
      h.put_unordered(v, [](hasher& one, const auto& w) { one.put(w.context), one.put(w.from); });
    } else if constexpr (requires { v.begin()->began; }) {  // lease rounds
      for (const auto& one : v) h.put(one.round), h.put(now_ - one.began);
      h.put(v.size());
    } else if constexpr (requires { v.begin()->waiters; }) {  // read rounds
      for (const auto& round : v) {
        h.put(round.round), h.put(round.index);
        put_other(h, round.waiters);
      }
      h.put(v.size());
    } else if constexpr (requires { v.begin()->index, v.begin()->value; }) {  // configurations
      for (const auto& one : v) h.put(one.index), h.put(one.value);
    } else if constexpr (requires { v.sequence, v.first_index; }) {  // the pending batch
      h.put(from_durable(v.sequence)), h.put(v.first_index), h.put(v.last_index);
      h.put(v.truncate_from), h.put(v.has_hard_state), put_other(h, v.reset_to);
    } else if constexpr (requires { v->image, v->call; }) {  // an image that comes in
      h.put(v.has_value());
      if (v) h.put(v->image), h.put(v->from), h.put(v->call);
    } else if constexpr (requires { v->id, v->configuration; }) {  // the snapshot
      h.put(v.has_value());
      if (v) h.put(v->id), h.put(v->configuration);
    } else if constexpr (requires { v->first, v->term; }) {  // where the log starts anew
      h.put(v.has_value());
      if (v) h.put(v->first), h.put(v->term);
    } else {
      h.put(v);
    }
  }

  const core::raft& core_;
  const core::config& settings_;
  const replica_facts& facts_;
  hasher& hash_;
  instant now_{};
};

}  // namespace mainstay::simulation::exploration
