/// mainstayctl: the command line of a cluster. This file declares the options and hands over to the
/// sub-commands; nothing else happens here.
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include <CLI/CLI.hpp>

#include "mainstay/storage/wal/posix_file_system.hpp"

#include "cli/bench_command.hpp"
#include "cli/exit_code.hpp"
#include "cli/forget_peer_command.hpp"
#include "cli/image_commands.hpp"
#include "cli/key_commands.hpp"
#include "cli/logdump_command.hpp"
#include "cli/member_command.hpp"
#include "cli/recover_command.hpp"
#include "cli/snapshot_command.hpp"
#include "cli/status_command.hpp"
#include "cli/transfer_command.hpp"

namespace mainstay::cli {
namespace {

/// The options of all sub-commands, and which one was chosen.
struct command_line {
  common_options common;
  std::vector<std::string> endpoint_texts{"127.0.0.1:6401"};
  std::vector<std::string> admin_texts{"127.0.0.1:8101"};
  std::int64_t timeout_ms = 5000;
  put_options put;
  bool if_absent = false;
  bool if_present = false;
  get_options get;
  delete_options remove;
  bench_options bench;
  logdump_options logdump;
  forget_peer_options forget_peer;
  snapshot_inspect_options snapshot_inspect;
  snapshot_restore_options snapshot_restore;
  member_options member;
  recover_options recover;
  transfer_options transfer;
};

void declare_common(CLI::App& app, command_line& line) {
  app.add_option("-e,--endpoints", line.endpoint_texts, "client ports, asked in this order")
      ->delimiter(',')
      ->envname("MAINSTAY_ENDPOINTS")
      ->type_name("HOST:PORT,...")
      ->capture_default_str();
  app.add_option("-a,--admin", line.admin_texts, "admin HTTP ports, for status")
      ->delimiter(',')
      ->envname("MAINSTAY_ADMIN")
      ->type_name("HOST:PORT,...")
      ->capture_default_str();
  app.add_option("--timeout", line.timeout_ms, "milliseconds that each operation may take")
      ->check(CLI::Range(1, 3'600'000))
      ->capture_default_str();
  app.add_flag("--json", line.common.json, "print JSON, one object in a line");
}

void declare_put(CLI::App& app, command_line& line) {
  auto* put = app.add_subcommand("put", "write a value");
  put->add_option("KEY", line.put.key)->required();
  put->add_option("VALUE", line.put.value, "the value; - reads it from standard input")->required();
  auto* absent = put->add_flag("--if-absent", line.if_absent, "only when the key is not there");
  auto* present = put->add_flag("--if-present", line.if_present, "only when the key is there");
  auto* equals = put->add_option("--if-equals", line.put.expected, "only when it has this value");
  absent->excludes(present)->excludes(equals);
  present->excludes(equals);
}

void declare_get_and_delete(CLI::App& app, command_line& line) {
  auto* get = app.add_subcommand("get", "print a value (linearizable)");
  get->add_option("KEY", line.get.key)->required();
  get->add_flag("--stale", line.get.stale, "whatever the asked node has, perhaps behind");
  get->add_flag("--raw", line.get.raw, "no line feed after the value");
  auto* remove = app.add_subcommand("delete", "remove keys");
  remove->add_option("KEY", line.remove.keys)->required();
}

void declare_status(CLI::App& app) {
  app.add_subcommand("status", "who leads, and how far each node is");
}

void declare_bench(CLI::App& app, command_line& line) {
  static const std::map<std::string, load_kind> kinds{
      {"set", load_kind::set}, {"get", load_kind::get}, {"mixed", load_kind::mixed}};
  auto& load = line.bench.load;
  auto* bench = app.add_subcommand("bench", "measure throughput and latency");
  bench->add_option("--ops", load.shape.kind, "set, get or mixed (half and half)")
      ->transform(CLI::CheckedTransformer(kinds))
      ->default_str("set");
  bench->add_option("--outstanding", load.outstanding, "requests in flight, over all connections")
      ->capture_default_str();
  bench->add_option("--connections", load.connections, "spread over the endpoints")
      ->capture_default_str();
  bench->add_option("--size", load.shape.value_size, "bytes of a value")->capture_default_str();
  bench->add_option("--keys", load.shape.keys, "how many different keys")->capture_default_str();
  auto* seconds = bench->add_option("--seconds", load.seconds, "how long to measure");
  seconds->capture_default_str();
  bench->add_option("--requests", load.requests, "measure so many requests instead")
      ->excludes(seconds);
  bench->add_option("--warmup", load.warmup_seconds, "seconds of load before measuring")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  bench->add_option("--seed", load.shape.seed, "of the order of keys")->capture_default_str();
  bench->add_flag("--fill", line.bench.fill, "write every key once before");
}

void declare_logdump(CLI::App& app, command_line& line) {
  auto& options = line.logdump;
  auto* dump = app.add_subcommand("logdump", "show what is in a node's data directory, offline");
  dump->add_option("DIR", options.directory)->required();
  dump->add_option("--group", options.group, "only this group's records");
  dump->add_option("--from", options.first_index, "entries from this index on");
  dump->add_option("--to", options.last_index, "entries up to this index");
  dump->add_flag("--batches", options.batches, "batch headers as well");
  dump->add_flag("--summary", options.summary, "no records, only damage and the last lines");
}

void declare_forget_peer(CLI::App& app, command_line& line) {
  auto* forget = app.add_subcommand(
      "forget-peer", "believe the next disk of a peer, offline; read the operations page first");
  forget->add_option("--data", line.forget_peer.directory, "data directory of a node that is down")
      ->required()
      ->type_name("DIR");
  forget->add_option("--node", line.forget_peer.node, "the peer's id")
      ->required()
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

void declare_snapshot(CLI::App& app, command_line& line) {
  auto* snapshot = app.add_subcommand("snapshot", "the state, saved whole");
  snapshot->require_subcommand(1);
  snapshot->add_subcommand("save", "have the nodes behind --admin save one now");
  auto* inspect =
      snapshot->add_subcommand("inspect", "check images and show what they say, offline");
  inspect->add_option("PATH", line.snapshot_inspect.path, "an image or a data directory")
      ->required();
  auto& options = line.snapshot_restore;
  auto* restore = snapshot->add_subcommand(
      "restore", "make a node of a new cluster from an image, offline; see the operations page");
  restore->add_option("IMAGE", options.image)->required()->type_name("FILE");
  restore->add_option("--data", options.directory, "a new data directory")
      ->required()
      ->type_name("DIR");
  restore->add_option("--id", options.node, "this node's id in the new cluster")
      ->required()
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  restore->add_option("--cluster", options.members, "the voters of the new cluster")
      ->required()
      ->delimiter(',')
      ->type_name("ID=HOST:PORT,...");
  restore->add_option("--cluster-id", options.cluster, "the new cluster's id; drawn when not given")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

void declare_recover(CLI::App& app, command_line& line) {
  auto& options = line.recover;
  auto* recover = app.add_subcommand(
      "recover", "after a majority was lost for good: make a survivor a new cluster, offline");
  recover->add_option("--data", options.directory, "data directory of a node that is down")
      ->required()
      ->type_name("DIR");
  recover->add_flag("--force-new-cluster", options.force,
                    "do it; without this the command only looks. Acknowledged writes that this "
                    "node does not hold are lost: read the operations page first");
  recover->add_option("--address", options.address, "where the node will be reached")
      ->type_name("HOST:PORT");
  recover->add_option("--cluster-id", options.cluster, "the new cluster's id; drawn when not given")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

void declare_member(CLI::App& app, command_line& line) {
  auto& options = line.member;
  auto* member = app.add_subcommand("member", "who belongs to the cluster, and changes of it");
  member->require_subcommand(1);
  member->fallthrough();
  const auto action = [&](const char* name, const char* help) {
    auto* a = member->add_subcommand(name, help);
    a->callback([&options, name] { options.action = name; });
    if (std::string_view(name) == "list") return a;
    a->add_flag("--plan", options.plan, "show the steps, and do nothing");
    a->add_option("--change-id", options.change_id, "the same for a repeated request");
    return a;
  };
  const auto takes_newcomers = [&](CLI::App* a) {
    a->add_option("--token", options.token, "what the cluster wants of new members");
    a->add_option("--priority", options.priority, "0: never stands for election by itself")
        ->check(CLI::Range(0, 255))
        ->capture_default_str();
  };
  action("list", "the members in force");
  auto* add = action("add", "take nodes in; they vote once they have caught up");
  add->add_option("MEMBER", options.newcomers, "ID=HOST:PORT")->required();
  add->add_flag("--learner", options.stay_learner, "they never vote by themselves");
  takes_newcomers(add);
  action("remove", "let members go")->add_option("ID", options.ids)->required();
  action("promote", "learners vote from now on")->add_option("ID", options.ids)->required();
  auto* replace = action("replace", "take a node in, and then let another go");
  replace->add_option("ID", options.ids, "who goes")->required()->expected(1);
  replace->add_option("MEMBER", options.newcomers, "who comes: ID=HOST:PORT")
      ->required()
      ->expected(1);
  takes_newcomers(replace);
}

void declare_transfer(CLI::App& app, command_line& line) {
  app.add_subcommand("transfer", "have the leader hand over to another node")
      ->add_option("--to", line.transfer.to, "to this node; to the best voter when not given")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
}

/// Turns the texts into values. Errors: `invalid_argument`.
result<void> complete(command_line& line) {
  for (const auto& text : line.endpoint_texts) {
    auto parsed = parse_endpoint(text);
    if (!parsed) return std::unexpected(parsed.error());
    line.common.endpoints.push_back(std::move(*parsed));
  }
  for (const auto& text : line.admin_texts) {
    auto parsed = parse_endpoint(text);
    if (!parsed) return std::unexpected(parsed.error());
    line.common.admin_endpoints.push_back(std::move(*parsed));
  }
  line.common.timeout = std::chrono::milliseconds(line.timeout_ms);
  if (line.if_absent) line.put.condition = put_condition::if_absent;
  if (line.if_present) line.put.condition = put_condition::if_present;
  if (line.put.value == "-") {
    line.put.value.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  return {};
}

exit_code run_chosen(const CLI::App& app, command_line& line) {
  const output to{std::cout, std::cerr, line.common.json};
  const auto send = network_sender(line.common.timeout);
  if (const auto* put = app.get_subcommand("put"); put->parsed()) {
    if (put->count("--if-equals") > 0) line.put.condition = put_condition::if_equals;
    return run_put(line.common, line.put, to, send);
  }
  if (app.got_subcommand("get")) return run_get(line.common, line.get, to, send);
  if (app.got_subcommand("delete")) return run_delete(line.common, line.remove, to, send);
  if (app.got_subcommand("status")) return run_status(line.common, to);
  if (app.got_subcommand("logdump")) {
    wal::posix_file_system files;
    return run_logdump(line.logdump, files, to);
  }
  if (app.got_subcommand("forget-peer")) {
    wal::posix_file_system files;
    return run_forget_peer(line.forget_peer, files, to);
  }
  if (const auto* snapshot = app.get_subcommand("snapshot"); snapshot->parsed()) {
    if (snapshot->got_subcommand("save")) return run_snapshot_save(line.common, to);
    wal::posix_file_system files;
    if (snapshot->got_subcommand("inspect")) {
      return run_snapshot_inspect(line.snapshot_inspect, files, to);
    }
    std::random_device entropy;
    line.snapshot_restore.seed = (std::uint64_t{entropy()} << 32) | entropy();
    return run_snapshot_restore(line.snapshot_restore, files, to);
  }
  if (app.got_subcommand("recover")) {
    wal::posix_file_system files;
    std::random_device entropy;
    line.recover.seed = (std::uint64_t{entropy()} << 32) | entropy();
    return run_recover(line.recover, files, to);
  }
  if (app.got_subcommand("member")) return run_member(line.common, line.member, to);
  if (app.got_subcommand("transfer")) return run_transfer(line.common, line.transfer, to);
  return run_bench(line.common, line.bench, to);
}

int run(int argument_count, char** arguments) {
  command_line line;
  CLI::App app{"The command line of a Mainstay cluster.", "mainstayctl"};
  app.footer(std::string(exit_code_help));
  app.require_subcommand(1);
  app.fallthrough();
  declare_common(app, line);
  declare_put(app, line);
  declare_get_and_delete(app, line);
  declare_status(app);
  declare_bench(app, line);
  declare_logdump(app, line);
  declare_forget_peer(app, line);
  declare_snapshot(app, line);
  declare_member(app, line);
  declare_recover(app, line);
  declare_transfer(app, line);
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(exit_code::usage);
  }
  if (const auto complete_line = complete(line); !complete_line) {
    std::cerr << "mainstayctl: " << complete_line.error().message << '\n';
    return static_cast<int>(exit_code::usage);
  }
  return static_cast<int>(run_chosen(app, line));
}

}  // namespace
}  // namespace mainstay::cli

int main(int argument_count, char** arguments) {
  return mainstay::cli::run(argument_count, arguments);
}
