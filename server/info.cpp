#include "server/info.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "server/version.hpp"

namespace mainstay::server {

namespace {

std::string server_section() {
  // Clients read redis_version to learn which commands they may use.
  return fmt::format(
      "# Server\r\nredis_version:{}\r\nredis_mode:standalone\r\nmainstay_version:{}\r\n"
      "process_id:{}\r\n",
      redis_version, mainstay_version, getpid());
}

std::string clients_section(const server_counters& counters) {
  return fmt::format("# Clients\r\nconnected_clients:{}\r\n", counters.connections_open.load());
}

std::string stats_section(const server_counters& counters) {
  return fmt::format(
      "# Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\n"
      "rejected_connections:{}\r\ntotal_error_replies:{}\r\nprotocol_errors:{}\r\n"
      "commands_unavailable:{}\r\ncommands_unknown:{}\r\n",
      counters.connections_accepted.load(), counters.commands.load(),
      counters.connections_refused.load(), counters.errors.load(), counters.protocol_errors.load(),
      counters.refused.load(), counters.unknown.load());
}

std::string replication_section(const status_report& status) {
  const bool leads = status.role == "leader";
  return fmt::format("# Replication\r\nrole:{}\r\nconnected_slaves:{}\r\n",
                     leads ? "master" : "slave",
                     leads && !status.members.empty() ? status.members.size() - 1 : 0);
}

std::string raft_section(const status_report& status) {
  auto text = fmt::format(
      "# Raft\r\nraft_id:{}\r\nraft_cluster_id:{:016x}\r\nraft_role:{}\r\nraft_term:{}\r\n"
      "raft_leader:{}\r\nraft_commit_index:{}\r\nraft_applied_index:{}\r\nraft_last_index:{}\r\n"
      "raft_snapshot_index:{}\r\nraft_snapshot_bytes:{}\r\nraft_health:{}\r\n",
      status.id.value(), status.cluster_id.value(), status.role, status.term.value(),
      status.leader.value(), status.commit_index.value(), status.applied_index.value(),
      status.last_index.value(), status.snapshot_index.value(), status.snapshot_bytes,
      status.health);
  for (const auto& member : status.members) {
    text += fmt::format("raft_member_{}:address={},role={},match_index={},state={}\r\n",
                        member.id.value(), member.address, member.role, member.match_index.value(),
                        member.state);
  }
  return text;
}

}  // namespace

std::string info_text(std::string_view section, const status_report& status,
                      const server_counters& counters) {
  const bool all = section == "all" || section == "default" || section == "everything";
  std::string text;
  const auto add = [&](std::string_view name, std::string part) {
    if (!all && section != name) return;
    if (!text.empty()) text += "\r\n";
    text += part;
  };
  add("server", server_section());
  add("clients", clients_section(counters));
  add("stats", stats_section(counters));
  add("replication", replication_section(status));
  add("raft", raft_section(status));
  return text;
}

}  // namespace mainstay::server
