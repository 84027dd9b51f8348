#include "server/joining.hpp"

#include <charconv>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/admin_call.hpp"
#include "server/storages.hpp"

namespace mainstay::server {

namespace {

using json = nlohmann::ordered_json;
using clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(30);
constexpr auto pause = std::chrono::milliseconds(200);

std::string request_of(const server_config& config) {
  const auto& self = config.node.members.voters.front();
  return json{{"id", self.id.value()},
              {"address", self.address},
              {"promote", !config.is_learner},
              {"token", config.join_token}}
      .dump();
}

std::vector<core::member> members_in(const json& answer, const char* list) {
  std::vector<core::member> members;
  for (const auto& m : answer.at(list)) {
    members.push_back({.id = node_id(m.at("id").get<std::uint64_t>()),
                       .address = m.at("address").get<std::string>(),
                       .priority = m.at("priority").get<std::uint8_t>(),
                       .promote = m.value("promote", false),
                       .joined = log_index(m.at("joined").get<std::uint64_t>())});
  }
  return members;
}

/// The configuration as the answer completes it.
result<server_config> read_answer(server_config config, const json& answer) {
  std::uint64_t cluster = 0;
  core::configuration members;
  try {
    const auto text = answer.at("cluster_id").get<std::string>();
    std::from_chars(text.data(), text.data() + text.size(), cluster, 16);
    members.voters = members_in(answer, "voters");
    members.learners = members_in(answer, "learners");
    if (!answer.at("outgoing_voters").empty()) {
      return fail(error_code::overloaded, "another change of members is under way");
    }
  } catch (const json::exception& failure) {
    return fail(error_code::malformed, std::string("the leader's answer: ") + failure.what());
  }
  const bool is_learner =
      !members.is_voter(config.node.id) && members.contains(config.node.id) && cluster != 0;
  if (!core::check(members) || !is_learner) {
    return fail(error_code::malformed, "the leader's answer does not name this node as a learner");
  }
  if (config.cluster && config.cluster != cluster_id(cluster)) {
    return fail(error_code::wrong_identity,
                fmt::format("--cluster-id is {}, but --join leads to cluster {}",
                            config.cluster.value(), cluster));
  }
  config.cluster = cluster_id(cluster);
  config.node.members = std::move(members);
  return config;
}

/// Asking again does no harm: who has been taken in already is told the same.
bool may_work_later(error_code code) {
  return code == error_code::not_leader || code == error_code::overloaded ||
         code == error_code::unreachable || code == error_code::timed_out ||
         code == error_code::disconnected || code == error_code::leadership_lost ||
         code == error_code::shutting_down || code == error_code::overwritten;
}

}  // namespace

result<server_config> find_cluster(server_config config, logger_ref log) {
  if (config.join.empty()) return config;
  const auto earlier = cluster_of_log(config);
  if (!earlier) return std::unexpected(earlier.error());
  if (*earlier) {
    if (!config.cluster) config.cluster = **earlier;
    return config;
  }
  const cli::common_options ports{
      .endpoints = {}, .admin_endpoints = config.join, .timeout = std::chrono::seconds(5)};
  const auto deadline = clock::now() + patience;
  std::string said;
  while (true) {
    const auto answer =
        cli::admin_call(ports, {.method = "POST", .path = "/v1/join", .body = request_of(config)});
    auto joined = answer ? read_answer(config, *answer) : std::unexpected(answer.error());
    if (joined) {
      log.log(log_level::info, "server", "joined a cluster",
              {{"node", config.node.id.value()}, {"cluster", joined->cluster.value()}});
      return joined;
    }
    if (!may_work_later(joined.error().code) || clock::now() > deadline) {
      return fail(joined.error().code, "--join: " + joined.error().message);
    }
    if (std::exchange(said, joined.error().message) != said) {
      log.log(log_level::warning, "server", "not taken into the cluster yet",
              {{"problem", std::string_view(said)}});
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace mainstay::server
