#include "server/member_actions.hpp"

#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mainstay::server {

namespace {

using json = nlohmann::ordered_json;

json to_json(const std::vector<core::member>& list) {
  json all = json::array();
  for (const auto& m : list) {
    json one{{"id", m.id.value()},
             {"address", m.address},
             {"priority", m.priority},
             {"joined", m.joined.value()}};
    if (m.promote) one["promote"] = true;
    all.push_back(std::move(one));
  }
  return all;
}

json to_json(const core::configuration& c) {
  return {{"voters", to_json(c.voters)},
          {"outgoing_voters", to_json(c.outgoing_voters)},
          {"learners", to_json(c.learners)}};
}

std::unexpected<error> refuse(const std::string& rule) {
  return fail(error_code::invalid_argument, rule);
}

bool is_id(const json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() != 0;
}

result<core::member> read_member(const json& value) {
  core::member m;
  for (const auto& [name, field] : value.items()) {
    if (name == "id" && is_id(field)) {
      m.id = node_id(field.get<std::uint64_t>());
    } else if (name == "address" && field.is_string()) {
      m.address = field.get<std::string>();
    } else if (name == "promote" && field.is_boolean()) {
      m.promote = field.get<bool>();
    } else if (name == "priority" && field.is_number_unsigned() &&
               field.get<std::uint64_t>() <= 255) {
      m.priority = field.get<std::uint8_t>();
    } else {
      return refuse("a member: \"" + name + "\" is not known, or not of the right kind");
    }
  }
  if (!m.id || m.address.empty()) return refuse("a member needs id and address");
  return m;
}

result<void> read_ids(const json& value, const std::string& name, std::vector<node_id>& ids) {
  if (!value.is_array()) return refuse(name + " must be a list of ids");
  for (const auto& one : value) {
    if (!is_id(one)) return refuse(name + " must be a list of ids");
    ids.emplace_back(one.get<std::uint64_t>());
  }
  return {};
}

result<void> read_newcomers(const json& value, std::vector<core::member>& newcomers) {
  if (!value.is_array()) return refuse("add must be a list of members");
  for (const auto& one : value) {
    if (!one.is_object()) return refuse("add must be a list of members");
    auto m = read_member(one);
    if (!m) return std::unexpected(m.error());
    newcomers.push_back(*std::move(m));
  }
  return {};
}

result<void> read_field(const std::string& name, const json& value, membership_request& into) {
  if (name == "add") return read_newcomers(value, into.add);
  if (name == "remove") return read_ids(value, name, into.remove);
  if (name == "promote") return read_ids(value, name, into.promote);
  if (name == "change_id" && value.is_number_unsigned()) {
    into.change_id = value.get<std::uint64_t>();
  } else if (name == "token" && value.is_string()) {
    into.credential = value.get<std::string>();
  } else if (name == "dry_run" && value.is_boolean()) {
    into.dry_run = value.get<bool>();
  } else {
    return refuse("\"" + name + "\" is not known, or not of the right kind");
  }
  return {};
}

std::function<void(const membership_outcome&)> told(gateway& cluster, admin_done done) {
  const cluster_id id = cluster.identity();
  return [id, done = std::move(done)](const membership_outcome& outcome) {
    if (!outcome) return done(std::unexpected(outcome.error()));
    done(membership_json(*outcome, id));
  };
}

}  // namespace

result<membership_request> read_membership_request(const std::string& body) {
  const json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return refuse("the body must be a JSON object");
  membership_request request;
  for (const auto& [name, value] : object.items()) {
    if (auto ok = read_field(name, value, request); !ok) return std::unexpected(ok.error());
  }
  return request;
}

std::string membership_json(const membership_result& members, cluster_id cluster) {
  json object{{"cluster_id", fmt::format("{:016x}", cluster.value())},
              {"index", members.index.value()},
              {"change_id", members.members.change_id}};
  object.update(to_json(members.members));
  json steps = json::array();
  for (const auto& step : members.steps) {
    json one = to_json(step.members);
    one["quorum"] = step.quorum;
    if (step.members.is_joint()) one["outgoing_quorum"] = step.outgoing_quorum;
    one["tolerated_failures"] = step.tolerated_failures;
    steps.push_back(std::move(one));
  }
  object["steps"] = std::move(steps);
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void tell_members(gateway& cluster, const std::string&, instant, admin_done done) {
  cluster.members(told(cluster, std::move(done)));
}

void join_cluster(gateway& cluster, const std::string& body, instant deadline, admin_done done) {
  json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return done(refuse("the body must be a JSON object"));
  std::string token;
  if (const auto named = object.find("token"); named != object.end()) {
    if (!named->is_string()) return done(refuse("token must be a text"));
    token = named->get<std::string>();
    object.erase(named);
  }
  auto newcomer = read_member(object);
  if (!newcomer) return done(std::unexpected(newcomer.error()));
  cluster.join(*std::move(newcomer), token, deadline, told(cluster, std::move(done)));
}

void change_members(gateway& cluster, const std::string& body, instant deadline, admin_done done) {
  auto request = read_membership_request(body);
  if (!request) return done(std::unexpected(request.error()));
  cluster.change_members(*std::move(request), deadline, told(cluster, std::move(done)));
}

}  // namespace mainstay::server
