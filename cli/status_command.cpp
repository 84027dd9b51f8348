/// Asking is done by one thread an endpoint, so that an unreachable node costs one timeout in all.
#include "cli/status_command.hpp"

#include <future>
#include <ostream>
#include <vector>

#include "cli/cluster_status.hpp"
#include "cli/http_call.hpp"

namespace mainstay::cli {

namespace {

asked_node ask(const endpoint& admin, std::chrono::milliseconds timeout) {
  const auto body = http_get(admin, "/v1/status", timeout);
  if (!body) return {admin, std::unexpected(body.error())};
  return {admin, parse_node_report(*body)};
}

}  // namespace

exit_code run_status(const common_options& common, const output& to) {
  std::vector<std::future<asked_node>> asking;
  for (const auto& admin : common.admin_endpoints) {
    asking.push_back(std::async(std::launch::async, ask, std::cref(admin), common.timeout));
  }
  std::vector<asked_node> asked;
  for (auto& answer : asking) asked.push_back(answer.get());

  const auto status = assemble(asked);
  if (to.json) {
    print_json(to, to_json(status));
  } else {
    to.out << to_table(status);
  }
  return verdict_on(status);
}

}  // namespace mainstay::cli
