/// Explores every history of a small cluster of the real core, breadth first, and judges every
/// state that it meets. The first violation that it finds has a shortest trace.
///
/// A state of the cluster is three replicas, the messages on their way, what may still happen, and
/// what was ever committed. Replicas and messages are kept once each, and what an input makes of a
/// replica is worked out once, so a state costs a few numbers and a step a few look-ups. States
/// that differ only in the names of nodes are one state. Of the states behind it the explorer keeps
/// 64-bit fingerprints: among n states two differ and look alike with probability n^2 / 2^65.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mainstay/simulation/explorer_tables.hpp"

namespace mainstay::simulation::exploration {

/// What can happen in the world, beside what can happen to a replica.
enum class event_kind : std::uint8_t { drop = 16, duplicate };

/// One step of a history: an `input_kind` or an `event_kind`, the node, and what it needs.
struct happening {
  std::uint8_t kind = 0;
  std::uint8_t node = 0;       ///< counted from 0
  std::uint32_t argument = 0;  ///< a message's number, surviving steps, or a read's context

  /// In one number, for tables.
  std::uint32_t packed() const;
  static happening unpack(std::uint32_t packed);
};

/// The whole cluster.
struct world {
  std::array<std::uint32_t, node_count> replicas{};
  std::array<std::uint32_t, largest_network> messages{};  ///< rising; the first message_count
  committed_prefix committed;
  allowances left{};
  /// For each open read 1 + how much was committed when it was asked; 0: not open.
  std::array<std::uint8_t, most_reads> read_floors{};
  std::uint8_t message_count = 0;
};

/// How far an exploration has come.
struct exploration_counts {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint64_t beyond_bounds = 0;  ///< transitions not taken, because they leave the scope
  std::uint64_t depth = 0;          ///< steps from the start to the states that come now
  std::uint64_t frontier = 0;       ///< states that were met and not yet left
  std::uint64_t replicas = 0;       ///< distinct ones
  std::uint64_t messages = 0;       ///< distinct ones
  std::uint64_t inputs = 0;         ///< distinct pairs of replica and input that ran
  bool complete = false;            ///< nothing in the scope is left
};

/// One step of a trace, in words.
struct trace_step {
  std::string what;
  std::vector<std::string> sent;
  std::string replica;  ///< how it leaves the node that it happened to; empty: no node
};

/// A violation and the shortest way to it.
struct finding {
  violation wrong;
  std::vector<trace_step> trace;
};

/// Explores one scope. One thread; no clock: `watch` may look at one and say stop.
class explorer {
 public:
  /// Throws std::invalid_argument when the scope is larger than the tables allow.
  explicit explorer(scope s);
  explorer(const explorer&) = delete;
  explorer& operator=(const explorer&) = delete;

  /// Goes on until the scope is exhausted, a property is broken, there are `max_states` states, or
  /// `watch`, asked every few thousand states, gives false.
  void run(std::uint64_t max_states, const std::function<bool(const exploration_counts&)>& watch);

  const scope& of() const { return scope_; }
  exploration_counts counts() const;
  const std::optional<finding>& found() const { return found_; }
  /// The way to the step that is being worked out, for whoever wants to say where a core broke down
  /// for good.
  std::vector<trace_step> trace_of_current();

 private:
  /// What an input makes of a replica.
  struct outcome {
    std::uint32_t replica = 0;
    std::uint32_t first_sent = 0;  // in sent_
    std::uint32_t first_read = 0;  // in reads_
    std::uint32_t wrong = 0;       // 1 + its place in violations_
    std::uint16_t sent_count = 0;
    std::uint8_t read_count = 0;
    bool beyond_bounds = false;
  };
  /// A read that ends: granted at `index`, or failed.
  struct read_end {
    std::uint64_t context = 0;
    std::uint64_t index = 0;
    bool granted = false;
  };
  struct parent_link {
    std::uint32_t parent = 0;
    std::uint32_t step = 0;
  };
  enum class verdict : std::uint8_t { taken, nothing, beyond_bounds, wrong };

  // explorer_steps.cpp: what can happen, and what comes of it.
  void list_happenings(const world& w, std::vector<happening>& out) const;
  void list_of_messages(const world& w, std::vector<happening>& out) const;
  void list_of_node(const world& w, std::uint8_t node, std::vector<happening>& out) const;
  verdict take(const world& from, const happening& h, world& to, renamed_hashes& sums);
  verdict take_input(const happening& h, world& to, renamed_hashes& sums);
  const outcome& outcome_of(std::uint32_t replica, const happening& h);
  outcome work_out(std::uint32_t replica, const happening& h);
  input input_of(const happening& h) const;
  void use(const happening& h, world& w) const;
  verdict end_reads(const outcome& o, world& to);
  verdict send(const outcome& o, world& to, renamed_hashes& sums) const;
  void remove_message(world& w, std::uint32_t number, renamed_hashes& sums) const;
  std::uint32_t number_of(replica r);
  world first_world();
  void settle(world& w);

  // explorer.cpp: the search.
  renamed_hashes sums_of(const world& w) const;
  std::uint64_t fingerprint(const world& w, const renamed_hashes& sums) const;
  bool judge(const world& w);
  void check_bounds() const;
  bool explore_level(std::uint64_t max_states,
                     const std::function<bool(const exploration_counts&)>& watch);
  void expand(const world& w, std::uint32_t number);
  void meet(const world& w, const renamed_hashes& sums, parent_link link);
  void conclude(parent_link last);

  // explorer_trace.cpp
  std::vector<trace_step> trace_to(parent_link last, bool last_ends = true);
  trace_step describe_step(const world& from, const happening& h, bool ends);

  scope scope_;
  replica_runner runner_;
  std::uint32_t unchecked_;

  unique_table<replica> replicas_;
  std::vector<replica_view> views_;
  unique_table<core::envelope> messages_;
  fingerprint_map outcome_numbers_;
  std::vector<outcome> outcomes_;
  std::vector<std::uint32_t> sent_;
  std::vector<read_end> reads_;
  std::vector<violation> violations_;

  fingerprint_set visited_;
  std::vector<parent_link> links_;
  world first_;
  std::vector<world> frontier_;
  std::vector<world> next_frontier_;
  std::size_t expanded_ = 0;             // of frontier_
  std::uint32_t first_of_frontier_ = 0;  // its number among all states
  std::vector<happening> happenings_;
  parent_link current_;
  exploration_counts counts_;
  std::optional<violation> wrong_;
  std::optional<finding> found_;
};

}  // namespace mainstay::simulation::exploration
