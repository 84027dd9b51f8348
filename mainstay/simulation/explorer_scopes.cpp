#include <utility>

#include "mainstay/simulation/explorer_scope.hpp"

namespace mainstay::simulation::exploration {

std::string_view name_of(allowance kind) {
  static constexpr std::string_view names[allowance_count] = {"proposal", "read",      "heartbeat",
                                                              "drop",     "duplicate", "timeout",
                                                              "crash",    "stall",     "snapshot"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(property p) {
  static constexpr std::string_view names[property_count] = {
      "election_safety",  "log_matching",       "leader_completeness",      "state_machine_safety",
      "durable_quorum",   "vote_once",          "promise_after_durability", "stable_is_durable",
      "match_is_durable", "leader_append_only", "nothing_goes_back",        "linearizable_reads",
      "core_in_order"};
  return names[static_cast<std::size_t>(p)];
}

namespace {

scope elections() {
  scope s{.name = "elections", .purpose = "terms and votes, with crashes while votes are written"};
  s.slow_disks = true;
  s.max_term = 2;
  s.max_log = 2;
  s.max_messages = 3;
  s[allowance::duplicate] = 1;
  s[allowance::crash] = 1;
  return s;
}

scope pre_votes() {
  scope s{.name = "pre_votes", .purpose = "pre-vote, check-quorum and leases of followers"};
  s.pre_vote = s.check_quorum = true;
  s.max_term = 2;
  s.max_log = 2;
  s.max_messages = 4;
  s[allowance::heartbeat] = 1;
  s[allowance::duplicate] = 1;
  return s;
}

scope pre_votes_on_slow_disks() {
  scope s = pre_votes();
  s.name = "slow_pre_votes";
  s.purpose = "the same with disks that take their time";
  s.slow_disks = true;
  s.max_messages = 3;
  return s;
}

scope replication() {
  scope s{.name = "replication", .purpose = "logs of three terms that diverge and meet again"};
  s.starts_with_leader = true;
  s.max_term = 3;
  s.max_log = 4;
  s.max_messages = 4;
  s[allowance::proposal] = 2;
  s[allowance::heartbeat] = 1;
  return s;
}

scope wide_replication() {
  scope s = replication();
  s.name = "wide_replication";
  s.purpose = "fewer commands, and more messages that overtake one another";
  s.max_messages = 5;
  s[allowance::proposal] = 1;
  return s;
}

scope crashes() {
  scope s{.name = "crashes", .purpose = "crashes while entries are written"};
  s.starts_with_leader = true;
  s.slow_disks = true;
  s.max_term = 2;
  s.max_log = 3;
  s.max_messages = 3;
  s[allowance::proposal] = 1;
  s[allowance::heartbeat] = 1;
  s[allowance::crash] = 1;
  return s;
}

scope faults() {
  scope s{.name = "faults", .purpose = "lost requests, full disks and leaders that give up"};
  s.starts_with_leader = true;
  s.slow_disks = true;
  s.max_term = 2;
  s.max_log = 3;
  s.max_messages = 2;
  s.max_inflight = 2;
  s[allowance::proposal] = 1;
  s[allowance::heartbeat] = 1;
  s[allowance::drop] = 1;
  s[allowance::timeout] = 1;
  s[allowance::stall] = 1;
  return s;
}

scope turns() {
  scope s{.name = "turns", .purpose = "several inputs before the outputs are carried out"};
  s.starts_with_leader = true;
  s.separate_turns = true;
  s.max_term = 2;
  s.max_log = 3;
  s.max_messages = 3;
  s[allowance::proposal] = 1;
  s[allowance::read] = 1;
  s[allowance::heartbeat] = 1;
  return s;
}

scope reads() {
  scope s{.name = "reads", .purpose = "reads at leaders and followers, while another is elected"};
  s.starts_with_leader = true;
  s.max_term = 2;
  s.max_log = 3;
  s.max_messages = 4;
  s[allowance::proposal] = 1;
  s[allowance::read] = 2;
  s[allowance::heartbeat] = 1;
  return s;
}

scope snapshots() {
  scope s{.name = "snapshots", .purpose = "a snapshot for whoever lacks what was compacted away"};
  s.starts_with_leader = true;
  s.max_term = 2;
  s.max_log = 4;
  s.max_messages = 4;
  s[allowance::proposal] = 2;
  s[allowance::heartbeat] = 2;
  s[allowance::snapshot] = 1;
  return s;
}

scope snapshot_crashes() {
  scope s = snapshots();
  s.name = "snapshot_crashes";
  s.purpose = "crashes while a snapshot is taken in, and the log behind it is dropped";
  s.slow_disks = true;
  s.max_log = 3;
  s.max_messages = 3;
  s[allowance::proposal] = 1;
  s[allowance::heartbeat] = 1;
  s[allowance::crash] = 1;
  return s;
}

/// A larger one of the same kind.
scope deep(scope s, std::uint64_t terms, std::uint64_t log, std::size_t messages) {
  s.name = "deep_" + s.name;
  s.is_deep = true;
  s.max_term = terms;
  s.max_log = log;
  s.max_messages = messages;
  return s;
}

}  // namespace

std::string bounds_of(const scope& s) {
  std::string line = "terms to " + std::to_string(s.max_term) + ", log to " +
                     std::to_string(s.max_log) + ", " + std::to_string(s.max_messages) +
                     " messages";
  const auto add = [&line](bool holds, const char* what) {
    if (holds) line += std::string(", ") + what;
  };
  add(s.pre_vote, "pre-vote");
  add(s.check_quorum, "check-quorum");
  add(s.starts_with_leader, "from an elected leader");
  add(s.slow_disks, "slow disks");
  add(s.separate_turns, "turns apart");
  for (std::size_t i = 0; i < allowance_count; ++i) {
    if (s.allowed[i] == 0) continue;
    line += ", " + std::string(name_of(static_cast<allowance>(i))) + " ";
    line += s.allowed[i] == unlimited ? "any" : std::to_string(s.allowed[i]);
  }
  return line;
}

std::vector<scope> named_scopes() {
  return {elections(),
          crashes(),
          faults(),
          turns(),
          replication(),
          reads(),
          pre_votes(),
          pre_votes_on_slow_disks(),
          wide_replication(),
          snapshots(),
          snapshot_crashes(),
          deep(elections(), 3, 3, 5),
          deep(crashes(), 3, 5, 5),
          deep(faults(), 3, 5, 5),
          deep(turns(), 3, 4, 5),
          deep(replication(), 5, 6, 6),
          deep(reads(), 3, 4, 5),
          deep(snapshots(), 3, 5, 5),
          deep(pre_votes(), 4, 4, 5)};
}

}  // namespace mainstay::simulation::exploration
