#include "cli/member_command.hpp"

#include <charconv>
#include <chrono>
#include <ostream>
#include <thread>

#include <fmt/format.h>

#include "cli/admin_call.hpp"

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr auto pause = std::chrono::milliseconds(50);

/// "4=host:7004" as the admin port wants it.
result<json> newcomer(const std::string& text, const member_options& options) {
  const auto equals = text.find('=');
  std::uint64_t id = 0;
  const char* const end = text.data() + std::min(equals, text.size());
  const auto [read_to, failure] = std::from_chars(text.data(), end, id);
  if (equals == std::string::npos || failure != std::errc{} || read_to != end || id == 0) {
    return fail(error_code::invalid_argument,
                fmt::format("\"{}\" is no member; write ID=HOST:PORT", text));
  }
  json m{{"id", id}, {"address", text.substr(equals + 1)}, {"priority", options.priority}};
  if (!options.stay_learner) m["promote"] = true;
  return m;
}

/// Waits for another change that is under way, such as a promotion: it is refused meanwhile.
result<json> ask(const common_options& common, const json& body) {
  const auto deadline = std::chrono::steady_clock::now() + common.timeout;
  while (true) {
    auto answer =
        admin_call(common, {.method = "POST", .path = "/v1/members", .body = body.dump()});
    const bool is_busy = !answer && answer.error().code == error_code::overloaded;
    if (!is_busy || std::chrono::steady_clock::now() > deadline) return answer;
    std::this_thread::sleep_for(pause);
  }
}

bool is_in(const json& members, const char* list, std::uint64_t id) {
  if (!members.contains(list) || !members[list].is_array()) return false;
  for (const auto& m : members[list]) {
    if (m.value("id", std::uint64_t{0}) == id) return true;
  }
  return false;
}

/// Waits until the leader counts the node as a voter, in a configuration that is not joint.
result<json> wait_for_voter(const common_options& common, std::uint64_t id) {
  const auto deadline = std::chrono::steady_clock::now() + common.timeout;
  while (true) {
    auto members = ask(common, json{{"dry_run", true}});
    const bool votes = members && is_in(*members, "voters", id) &&
                       members->value("outgoing_voters", json::array()).empty();
    if (votes) return members;
    if (std::chrono::steady_clock::now() > deadline) {
      if (!members) return members;
      return fail(error_code::timed_out,
                  fmt::format("node {} is a learner and has not caught up yet", id));
    }
    std::this_thread::sleep_for(pause);
  }
}

void print_list(const output& to, const json& configuration) {
  for (const auto* list : {"voters", "outgoing_voters", "learners"}) {
    if (!configuration.contains(list)) continue;
    const std::string role = std::string(list) == "voters"     ? "voter"
                             : std::string(list) == "learners" ? "learner"
                                                               : "leaving voter";
    for (const auto& m : configuration[list]) {
      const auto priority = m.value("priority", 1);
      to.out << fmt::format("  {:<4} {:<24} {}{}{}\n", m.value("id", std::uint64_t{0}),
                            m.value("address", ""), role,
                            m.value("promote", false) ? ", to be promoted" : "",
                            priority == 1 ? "" : fmt::format(", priority {}", priority));
    }
  }
}

exit_code print_members(const output& to, const json& members, bool plan) {
  if (to.json) {
    print_json(to, members);
    return exit_code::done;
  }
  to.out << fmt::format("members of index {}:\n", members.value("index", std::uint64_t{0}));
  print_list(to, members);
  if (!plan) return exit_code::done;
  const json steps = members.value("steps", json::array());
  if (steps.empty()) to.out << "nothing would change\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    const bool joint = step.contains("outgoing_quorum");
    to.out << fmt::format(
        "step {}{}: {} of {} voters{} agree, {} may fail\n", i + 1, joint ? ", joint" : "",
        step.value("quorum", 0), step["voters"].size(),
        joint ? fmt::format(" and {} of the {} old ones", step.value("outgoing_quorum", 0),
                            step["outgoing_voters"].size())
              : "",
        step.value("tolerated_failures", 0));
    print_list(to, step);
  }
  return exit_code::done;
}

/// The request for everything but the removal of a replaced member.
result<json> request_of(const member_options& options) {
  json body{{"dry_run", options.plan}};
  if (options.change_id != 0) body["change_id"] = options.change_id;
  if (!options.token.empty()) body["token"] = options.token;
  for (const auto& text : options.newcomers) {
    auto m = newcomer(text, options);
    if (!m) return m;
    body["add"].push_back(*std::move(m));
  }
  if (options.action == "remove" || options.action == "promote") body[options.action] = options.ids;
  return body;
}

/// After the newcomers are learners: until they vote, and the replaced member is gone.
result<json> finish(const common_options& common, const member_options& options,
                    const json& request, result<json> members) {
  if (options.plan || options.stay_learner || !request.contains("add")) return members;
  for (const auto& m : request["add"]) {
    if (!members) return members;
    members = wait_for_voter(common, m["id"].get<std::uint64_t>());
  }
  if (!members || options.action != "replace") return members;
  return ask(common, json{{"remove", options.ids}});
}

}  // namespace

exit_code run_member(const common_options& common, const member_options& options,
                     const output& to) {
  result<json> members = json();
  if (options.action == "list") {
    members = admin_call(common, {.path = "/v1/members", .body = {}});
  } else {
    const auto request = request_of(options);
    if (!request) return print_failed_action(to, request.error());
    members = finish(common, options, *request, ask(common, *request));
  }
  if (!members) return print_failed_action(to, members.error());
  return print_members(to, *members, options.plan);
}

}  // namespace mainstay::cli
