#include "server/admin_pages.hpp"

#include <array>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mainstay::server {

namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& object) {
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

json to_json(const member_report& m) {
  json member{
      {"id", m.id.value()},
      {"address", m.address},
      {"role", m.role},
      {"match_index", m.match_index.value()},
      {"state", m.state},
      {"silence_ms", std::chrono::duration_cast<std::chrono::milliseconds>(m.silence).count()}};
  if (m.snapshot_size != 0) {
    member["snapshot"] = {{"sent", m.snapshot_sent}, {"size", m.snapshot_size}};
  }
  return member;
}

}  // namespace

std::string status_json(const status_report& s) {
  json members = json::array();
  for (const auto& m : s.members) members.push_back(to_json(m));
  return dumped({{"id", s.id.value()},
                 {"cluster_id", fmt::format("{:016x}", s.cluster_id.value())},
                 {"role", s.role},
                 {"term", s.term.value()},
                 {"leader", s.leader ? json(s.leader.value()) : json(nullptr)},
                 {"commit_index", s.commit_index.value()},
                 {"applied_index", s.applied_index.value()},
                 {"last_index", s.last_index.value()},
                 {"snapshot_index", s.snapshot_index.value()},
                 {"snapshot_bytes", s.snapshot_bytes},
                 {"health", s.health},
                 {"problem", s.problem},
                 {"members", std::move(members)}});
}

std::string snapshot_json(const snapshot_report& s) {
  return dumped({{"last_included_index", s.last_included_index.value()},
                 {"last_included_term", s.last_included_term.value()},
                 {"bytes", s.bytes}});
}

std::string problem_json(unsigned status, std::string_view title, const error& why) {
  json problem{{"title", title},
               {"status", status},
               {"detail", why.message},
               {"code", std::string(name_of(why.code))}};
  if (why.leader) problem["leader"] = why.leader.value();
  return dumped(problem);
}

std::string problem_json(unsigned status, std::string_view title, std::string_view detail) {
  return dumped({{"title", title}, {"status", status}, {"detail", detail}});
}

void figure_publisher::advance(std::string_view name, std::uint64_t& published, std::uint64_t now) {
  metrics_.add_count({name, {}}, now - published);
  published = now;
}

void figure_publisher::gauge(std::string_view name, std::uint64_t value) {
  metrics_.set_gauge({name, {}}, static_cast<double>(value));
}

void figure_publisher::publish(const server_counters& c) {
  gauge("mainstayd_connections", c.connections_open);
  advance("mainstayd_connections_accepted_total", accepted_, c.connections_accepted);
  advance("mainstayd_connections_refused_total", refused_connections_, c.connections_refused);
  advance("mainstayd_commands_total", commands_, c.commands);
  advance("mainstayd_error_replies_total", errors_, c.errors);
  advance("mainstayd_protocol_errors_total", protocol_errors_, c.protocol_errors);
  advance("mainstayd_commands_unavailable_total", refused_, c.refused);
  advance("mainstayd_commands_unknown_total", unknown_, c.unknown);
}

void figure_publisher::publish(const status_report& s) {
  gauge("mainstay_term", s.term.value());
  gauge("mainstay_is_leader", s.leader && s.leader == s.id ? 1 : 0);
  gauge("mainstay_has_leader", s.has_leader() ? 1 : 0);
  gauge("mainstay_sound", s.health == "sound" ? 1 : 0);
  gauge("mainstay_commit_index", s.commit_index.value());
  gauge("mainstay_applied_index", s.applied_index.value());
  gauge("mainstay_last_index", s.last_index.value());
  gauge("mainstay_snapshot_index", s.snapshot_index.value());
  if (!s.leader || s.leader != s.id) return;
  for (const auto& m : s.members) {
    const auto peer = std::to_string(m.id.value());
    const std::array labels{metric_label{"peer", peer}};
    metrics_.set_gauge({"mainstay_peer_match_index", labels},
                       static_cast<double>(m.match_index.value()));
  }
}

}  // namespace mainstay::server
