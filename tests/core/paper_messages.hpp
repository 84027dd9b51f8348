/// The messages of the paper's rules, written short, for the tests that walk them.
#pragma once

#include <cstdint>
#include <vector>

#include "mainstay/core/raft.hpp"

#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {

/// Without pre-vote and stickiness the paper's own election rules stand bare.
inline core::config plain() {
  core::config c;
  c.pre_vote = false;
  c.check_quorum = false;
  return c;
}

/// AppendEntries of term `t` after (index, term) with entries of the given terms.
inline core::append_entries append(std::uint64_t t, std::uint64_t prev_index,
                                   std::uint64_t prev_term,
                                   const std::vector<std::uint64_t>& entries = {}) {
  return {.term = term(t),
          .prev_log_index = log_index(prev_index),
          .prev_log_term = term(prev_term),
          .entries = entries_of(prev_index + 1, entries)};
}

/// RequestVote of term `t` for a log that ends at (index, term).
inline core::request_vote vote(std::uint64_t t, std::uint64_t last_index, std::uint64_t last_term) {
  return {
      .term = term(t), .last_log_index = log_index(last_index), .last_log_term = term(last_term)};
}

/// An acknowledgement of everything up to `match`.
inline core::append_entries_response stored(std::uint64_t t, std::uint64_t match) {
  return {.term = term(t), .success = true, .match_index = log_index(match)};
}

/// A vote.
inline core::request_vote_response granted(std::uint64_t t) { return {term(t), true, false}; }

/// The requests of one kind, by receiver.
template <class Message>
std::vector<std::uint64_t> receivers(const std::vector<core::envelope>& sent) {
  std::vector<std::uint64_t> ids;
  for (const auto& e : sent) {
    if (std::holds_alternative<Message>(e.message)) ids.push_back(e.to.value());
  }
  return ids;
}

}  // namespace mainstay::core_test
