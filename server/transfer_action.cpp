#include "server/transfer_action.hpp"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

namespace mainstay::server {

result<node_id> read_transfer_request(const std::string& body) {
  using json = nlohmann::json;
  if (body.empty()) return node_id();
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) {
    return fail(error_code::invalid_argument, "the body must be a JSON object");
  }
  node_id to;
  for (const auto& [name, value] : object.items()) {
    const bool is_id = value.is_number_unsigned() && value.get<std::uint64_t>() != 0;
    if (name != "to" || !is_id) {
      return fail(error_code::invalid_argument,
                  "\"" + name + "\": the body may have \"to\", a node's id, and nothing else");
    }
    to = node_id(value.get<std::uint64_t>());
  }
  return to;
}

void hand_over(gateway& cluster, const std::string& body, instant deadline, admin_done done) {
  const auto to = read_transfer_request(body);
  if (!to) return done(std::unexpected(to.error()));
  cluster.transfer(*to, deadline, [done = std::move(done)](const result<node_id>& leader) {
    if (!leader) return done(std::unexpected(leader.error()));
    done(nlohmann::json{{"leader", leader->value()}}.dump() + "\n");
  });
}

}  // namespace mainstay::server
