/// Assembling and printing the status of a cluster.
#include "cli/cluster_status.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace mainstay::cli {

namespace {

using json = nlohmann::ordered_json;

/// A number; 0 when it is missing or something else.
std::uint64_t number_in(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  return found->get<std::uint64_t>();
}

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() ? found->dump() : std::string();
}

member_report member_in(const json& object) {
  return {number_in(object, "id"), text_in(object, "address"), text_in(object, "role"),
          number_in(object, "match_index"), text_in(object, "state")};
}

/// The report of whoever leads the newest term, if it was reached.
const node_report* find_leader(const std::vector<asked_node>& asked) {
  const node_report* newest = nullptr;
  for (const auto& node : asked) {
    if (!node.report || node.report->role != "leader") continue;
    if (newest == nullptr || node.report->term > newest->term) newest = &*node.report;
  }
  return newest;
}

const member_report* find_member(const node_report& report, std::uint64_t id) {
  const auto found = std::ranges::find(report.members, id, &member_report::id);
  return found == report.members.end() ? nullptr : &*found;
}

status_row row_of(const asked_node& node, const node_report* leader) {
  status_row row;
  if (!node.report) {
    row.address = to_string(node.admin);
    row.problem = node.report.error().message;
    return row;
  }
  row.id = node.report->id;
  row.report = *node.report;
  if (const auto* self = find_member(*node.report, row.id)) row.address = self->address;
  if (leader == nullptr) return row;
  if (leader->id == row.id) {
    row.state = "leads";
    row.lag = 0;
  } else if (const auto* member = find_member(*leader, row.id)) {
    row.state = member->state;
    row.lag = leader->last_index - std::min(leader->last_index, member->match_index);
  }
  return row;
}

/// Rows for members that no answer came from, as the leader (or anyone) knows them.
void add_unasked(cluster_status& status, const std::vector<asked_node>& asked,
                 const node_report* leader) {
  for (const auto& node : asked) {
    if (!node.report) continue;
    for (const auto& member : node.report->members) {
      if (std::ranges::find(status.rows, member.id, &status_row::id) != status.rows.end()) continue;
      status_row row{.id = member.id,
                     .report = {},
                     .address = member.address,
                     .state = {},
                     .lag = {},
                     .problem = "no answer from it"};
      if (const auto* known = leader == nullptr ? nullptr : find_member(*leader, member.id)) {
        row.state = known->state;
        row.lag = leader->last_index - std::min(leader->last_index, known->match_index);
      }
      status.rows.push_back(std::move(row));
    }
  }
}

void add_warnings(cluster_status& status) {
  std::set<std::string> clusters;
  for (const auto& row : status.rows) {
    if (row.report) clusters.insert(row.report->cluster_id);
    if (row.report && row.report->leader == 0) {
      status.warnings.push_back(fmt::format("node {} knows no leader", row.id));
    }
  }
  if (clusters.size() > 1) status.warnings.emplace_back("the nodes are of different clusters");
  if (!status.leader) status.warnings.emplace_back("no node that answered leads");
}

using table_line = std::array<std::string, 10>;

table_line line_of(const status_row& row) {
  const auto number = [](std::uint64_t n) { return fmt::format("{}", n); };
  table_line line{row.id == 0 ? "?" : number(row.id), "-",         "-",      "-", "-", "-", "-",
                  row.lag ? number(*row.lag) : "-",   row.address, row.state};
  if (!row.report) {
    line[9] += (row.state.empty() ? "" : ", ") + row.problem;
    return line;
  }
  const auto& r = *row.report;
  const auto leader = r.leader == 0 ? std::string("-") : number(r.leader);
  const table_line front{line[0],
                         r.role,
                         number(r.term),
                         leader,
                         number(r.commit_index),
                         number(r.applied_index),
                         number(r.last_index),
                         line[7],
                         line[8],
                         line[9]};
  return front;
}

json to_json(const status_row& row) {
  json object;
  if (row.id != 0) object["id"] = row.id;
  object["address"] = row.address;
  object["answered"] = row.report.has_value();
  if (row.report) {
    object["cluster_id"] = row.report->cluster_id;
    object["role"] = row.report->role;
    object["term"] = row.report->term;
    object["leader"] = row.report->leader;
    object["commit_index"] = row.report->commit_index;
    object["applied_index"] = row.report->applied_index;
    object["last_index"] = row.report->last_index;
  }
  if (row.lag) object["lag"] = *row.lag;
  if (!row.state.empty()) object["state"] = row.state;
  if (!row.problem.empty()) object["problem"] = row.problem;
  return object;
}

}  // namespace

result<node_report> parse_node_report(std::string_view body) {
  const auto object = json::parse(body, nullptr, false);
  if (!object.is_object() || number_in(object, "id") == 0) {
    return fail(error_code::malformed, "the answer is not the status of a node");
  }
  node_report report{number_in(object, "id"),
                     text_in(object, "cluster_id"),
                     text_in(object, "role"),
                     number_in(object, "term"),
                     number_in(object, "leader"),
                     number_in(object, "commit_index"),
                     number_in(object, "applied_index"),
                     number_in(object, "last_index"),
                     {}};
  const auto members = object.find("members");
  if (members == object.end() || !members->is_array()) return report;
  for (const auto& member : *members) {
    if (member.is_object()) report.members.push_back(member_in(member));
  }
  return report;
}

cluster_status assemble(const std::vector<asked_node>& asked) {
  cluster_status status;
  const auto* leader = find_leader(asked);
  if (leader != nullptr) status.leader = leader->id;
  for (const auto& node : asked) status.rows.push_back(row_of(node, leader));
  add_unasked(status, asked, leader);
  std::ranges::stable_sort(status.rows, {}, [](const status_row& row) { return row.id - 1; });
  add_warnings(status);
  return status;
}

exit_code verdict_on(const cluster_status& status) {
  const auto answered = [](const status_row& row) { return row.report.has_value(); };
  if (std::ranges::none_of(status.rows, answered)) return exit_code::unavailable;
  const bool whole = std::ranges::all_of(status.rows, answered) && status.warnings.empty();
  return whole ? exit_code::done : exit_code::degraded;
}

std::string to_table(const cluster_status& status) {
  std::vector<table_line> lines{
      {"ID", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "LAST", "LAG", "ADDRESS", "STATE"}};
  for (const auto& row : status.rows) lines.push_back(line_of(row));
  std::array<std::size_t, 10> widths{};
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string padded;
    for (std::size_t i = 0; i < line.size(); ++i) {
      padded += fmt::format("{:<{}}  ", line[i], widths[i]);
    }
    text += padded.substr(0, padded.find_last_not_of(' ') + 1) + "\n";
  }
  for (const auto& warning : status.warnings) text += "warning: " + warning + "\n";
  return text;
}

json to_json(const cluster_status& status) {
  auto nodes = json::array();
  for (const auto& row : status.rows) nodes.push_back(to_json(row));
  return {{"leader", status.leader ? json(*status.leader) : json()},
          {"nodes", std::move(nodes)},
          {"warnings", status.warnings}};
}

}  // namespace mainstay::cli
