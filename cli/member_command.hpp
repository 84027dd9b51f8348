/// `mainstayctl member …`: who belongs to the cluster, and changes of it through the leader.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `member`; which fields count depends on the subcommand.
struct member_options {
  std::string action;                  ///< "list", "add", "remove", "promote", "replace"
  std::vector<std::string> newcomers;  ///< ID=HOST:PORT
  std::vector<std::uint64_t> ids;      ///< of members
  bool stay_learner = false;           ///< add: never to be promoted
  std::uint64_t priority = 1;          ///< add
  std::string token;                   ///< what the cluster wants of newcomers
  std::uint64_t change_id = 0;         ///< the same for a repeated request; 0: none
  bool plan = false;                   ///< show what would be done
};

/// Asks the leader, and waits until newcomers vote: `--timeout` bounds each step. A replacement
/// adds the newcomer first, and removes the old member once the new one votes.
exit_code run_member(const common_options& common, const member_options& options, const output& to);

}  // namespace mainstay::cli
