/// Every log that was ever seen in a cluster, as one tree: a place in it stands for an entry and
/// for everything before it. Two logs are equal up to an index exactly when they have the same
/// place there, so that whole prefixes compare in one step. It judges nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mainstay/core/configuration.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/node/session_request.hpp"

namespace mainstay::simulation {

/// A log up to and including one entry; none (0) is the empty log.
struct log_prefix : strong_id<log_prefix> {
  using strong_id::strong_id;
};

}  // namespace mainstay::simulation

/// So that prefixes can be keys.
template <>
struct std::hash<mainstay::simulation::log_prefix> {
  std::size_t operator()(mainstay::simulation::log_prefix p) const noexcept {
    return std::hash<std::uint64_t>{}(p.value());
  }
};

namespace mainstay::simulation {

/// The last entry of a prefix.
struct known_entry {
  log_index index;
  mainstay::term term;
  log_prefix before;          ///< the prefix that it extends
  std::uint64_t content = 0;  ///< hash of kind, time and payload
  std::uint64_t payload = 0;  ///< hash of the payload alone; of a session's entry, of its command
  core::entry_kind kind = core::entry_kind::command;
  bool is_seen = false;  ///< its content is known; else only its index and term
  log_prefix elder;      ///< another prefix that ends at the same index
};

/// The hash that `known_entry::payload` has of these bytes.
std::uint64_t hash_of_payload(std::string_view payload);

/// The tree. Entries are never forgotten.
class known_logs {
 public:
  /// Where an entry stands; `rival` is another prefix whose last entry has the same index and term
  /// (none: there is no other, as Log Matching demands).
  struct place {
    log_prefix prefix;
    log_prefix rival;
  };

  known_logs() : entries_(1) {}

  /// The place of `e` after `before`.
  place extend(log_prefix before, const core::entry& e);
  /// The same for an entry of which only index and term are in sight.
  place extend(log_prefix before, log_index index, term t);
  /// Precondition: `prefix` came from here.
  const known_entry& at(log_prefix prefix) const { return entries_[prefix.value()]; }
  /// True unless the last entry of `prefix` is known to be another than `e`.
  bool may_end_with(log_prefix prefix, const core::entry& e) const;
  /// What a configuration entry says; null when its content is unknown or malformed.
  const core::configuration* configuration_at(log_prefix prefix) const;
  /// What an entry of a session asks, without its command; null as above.
  const session_request* session_request_at(log_prefix prefix) const;

 private:
  log_prefix add(known_entry e);
  void show(log_prefix prefix, const core::entry& e);
  log_prefix newest_at(log_index index) const;

  std::vector<known_entry> entries_;  // place p stands at p; [0] is the empty log
  std::vector<log_prefix> newest_;    // by index
  std::unordered_map<log_prefix, core::configuration> configurations_;
  std::unordered_map<log_prefix, session_request> session_requests_;
};

}  // namespace mainstay::simulation
