/// Has the cluster do something through its admin ports: asks one node after the other, until one
/// of them can.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mainstay/base/error.hpp"

#include "cli/exit_code.hpp"
#include "cli/http_call.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Asks the admin ports in their order and gives the first answer that is one: who does not lead,
/// or cannot be reached, is passed over. What may have happened at one node is never asked of
/// another. Errors: those of the last node that was asked; the server's own, with the code that it
/// named.
result<nlohmann::ordered_json> admin_call(const common_options& common,
                                          const http_question& question);

/// Tells a failed action and gives its exit status.
exit_code print_failed_action(const output& to, const error& why);

}  // namespace mainstay::cli
