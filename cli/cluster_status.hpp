/// The picture of a cluster, put together from what its nodes say of themselves: one row a node,
/// with the leader's view of each beside it. Pure; asking the nodes is done elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "mainstay/base/error.hpp"

#include "cli/endpoint.hpp"
#include "cli/exit_code.hpp"

namespace mainstay::cli {

/// A member as one node sees it.
struct member_report {
  std::uint64_t id = 0;
  std::string address;
  std::string role;  ///< "voter" or "learner"
  std::uint64_t match_index = 0;
  std::string state;  ///< how the leader sends to it
};

/// What one node says: the body of GET /v1/status.
struct node_report {
  std::uint64_t id = 0;
  std::string cluster_id;
  std::string role;
  std::uint64_t term = 0;
  std::uint64_t leader = 0;  ///< 0: it knows none
  std::uint64_t commit_index = 0;
  std::uint64_t applied_index = 0;
  std::uint64_t last_index = 0;
  std::vector<member_report> members;
};

/// Reads the body of GET /v1/status; fields that are missing stay empty. Errors: `malformed`.
result<node_report> parse_node_report(std::string_view body);

/// What one endpoint came to.
struct asked_node {
  endpoint admin;
  result<node_report> report;
};

/// One row of the table.
struct status_row {
  std::uint64_t id = 0;               ///< 0: not known
  std::optional<node_report> report;  ///< what it says of itself, if it answered
  std::string address;                ///< where its peers reach it
  std::string state;                  ///< how the leader sends to it, or that it leads
  std::optional<std::uint64_t> lag;   ///< entries that the leader has and it has not on disk
  std::string problem;                ///< why it did not answer
};

/// The cluster at one moment, or nearly.
struct cluster_status {
  std::optional<std::uint64_t> leader;  ///< of the newest term that somebody leads
  std::vector<status_row> rows;         ///< by id, then those without one
  std::vector<std::string> warnings;    ///< what does not fit together
};

/// Puts the answers together. Members that nobody was asked for get a row as well.
cluster_status assemble(const std::vector<asked_node>& asked);

/// `done` when every node answered and one leads, `unavailable` when none answered, else
/// `degraded`.
exit_code verdict_on(const cluster_status& status);

/// The table for people.
std::string to_table(const cluster_status& status);
/// The same for programs.
nlohmann::ordered_json to_json(const cluster_status& status);

}  // namespace mainstay::cli
