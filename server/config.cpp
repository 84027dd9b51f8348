#include "server/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mainstay/defaults.hpp"
#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"

#include "server/address.hpp"

namespace mainstay::server {

namespace {

/// A command's arguments become one entry; what it adds to them is far below this, in bytes.
constexpr std::uint64_t command_frame = 1024;

/// Takes settings over one by one; keeps the first failure.
class reader {
 public:
  explicit reader(const settings& given) : given_(given) {}

  /// The first failure, or none.
  const result<void>& outcome() const { return outcome_; }

  void text(std::string_view name, std::string& into) {
    if (const auto* s = find(name)) into = s->text;
  }
  template <class Number>
  void number(std::string_view name, Number& into) {
    const auto* s = find(name);
    if (s == nullptr) return;
    std::uint64_t value = 0;
    const char* end = s->text.data() + s->text.size();
    const auto [rest, failure] = std::from_chars(s->text.data(), end, value);
    if (failure != std::errc{} || rest != end) return refuse(*s, "must be a whole number");
    into = Number(value);
  }
  void milliseconds(std::string_view name, duration& into) {
    const auto* s = find(name);
    if (s == nullptr) return;
    std::uint64_t value = 0;
    number(name, value);
    constexpr std::uint64_t day = 24 * 60 * 60 * 1000;
    if (value > day) return refuse(*s, "must be at most one day, in milliseconds");
    into = std::chrono::milliseconds(value);
  }
  template <class Value>
  void choice(std::string_view name, std::initializer_list<std::pair<std::string_view, Value>> all,
              Value& into) {
    const auto* s = find(name);
    if (s == nullptr) return;
    std::string names;
    for (const auto& [spelling, value] : all) {
      if (s->text == spelling) {
        into = value;
        return;
      }
      names.append(names.empty() ? "" : ", ").append(spelling);
    }
    refuse(*s, "must be one of " + names);
  }
  /// One of the names that there are.
  void name(std::string_view of, const std::vector<std::string_view>& all, std::string& into) {
    const auto* s = find(of);
    if (s == nullptr) return;
    if (std::ranges::find(all, s->text) == all.end()) {
      return refuse(*s, fmt::format("must be one of {}", fmt::join(all, ", ")));
    }
    into = s->text;
  }
  void levels(std::string_view name, log_levels& into) {
    const auto* s = find(name);
    if (s == nullptr) return;
    auto parsed = log_levels::parse(s->text);
    if (!parsed) return fail_with(s->origin + ": " + parsed.error().message);
    into = *std::move(parsed);
  }
  const setting* find(std::string_view name) const {
    const auto found = given_.find(name);
    return found == given_.end() ? nullptr : &found->second;
  }
  void refuse(const setting& s, const std::string& rule) {
    fail_with(fmt::format("{} (\"{}\") {}", s.origin, s.text, rule));
  }
  void fail_with(std::string message) {
    if (outcome_) outcome_ = fail(error_code::invalid_argument, std::move(message));
  }

 private:
  const settings& given_;
  result<void> outcome_;
};

/// A newcomer knows itself as a learner: it must not vote before the cluster has taken it in. Alone
/// in the list it stays a voter, which the checks then tell.
void become_learner(node_options& node) {
  auto& voters = node.members.voters;
  const auto own = std::ranges::find(voters, node.id, &core::member::id);
  if (own == voters.end() || voters.size() == 1) return;
  node.members.learners.push_back(*own);
  voters.erase(own);
}

/// A node that joins knows of itself alone, and is told the rest.
void read_joining(reader& in, server_config& config) {
  const setting& ports = *in.find("join");
  for (const auto part : std::views::split(ports.text, ',')) {
    auto port = cli::parse_endpoint(std::string_view(part.begin(), part.end()));
    if (!port) return in.fail_with(ports.origin + ": " + port.error().message);
    config.join.push_back(*std::move(port));
  }
  if (in.find("cluster") != nullptr) {
    return in.fail_with("--join and --cluster exclude each other: who joins is told the members");
  }
  if (in.find("address") == nullptr) {
    return in.fail_with("--address is missing: with --join, where other nodes reach this one");
  }
  core::member self{.id = config.node.id, .address = {}};
  in.text("address", self.address);
  config.node.members.voters = {self};
}

void read_first_members(reader& in, server_config& config) {
  const setting* list = in.find("cluster");
  if (list == nullptr) return in.fail_with("--cluster is missing, or --join");
  auto members = parse_members(list->text);
  if (!members) return in.fail_with(list->origin + ": " + members.error().message);
  config.node.members = *std::move(members);
  if (config.is_learner) become_learner(config.node);
  config.cluster = derived_cluster_id(config.node.members);
}

void read_members(reader& in, server_config& config) {
  for (const char* required : {"id", "data"}) {
    if (in.find(required) == nullptr) return in.fail_with(fmt::format("--{} is missing", required));
  }
  in.number("id", config.node.id);
  in.text("data", config.data);
  if (config.data.empty()) return in.fail_with("--data must not be empty");
  in.choice<bool>("learner", {{"true", true}, {"false", false}}, config.is_learner);
  in.text("join-token", config.join_token);
  if (in.find("join") != nullptr) {
    read_joining(in, config);
  } else {
    read_first_members(in, config);
  }
  in.number("cluster-id", config.cluster);
  if (in.find("cluster-id") != nullptr && !config.cluster) {
    in.fail_with("--cluster-id must not be 0");
  }
  in.text("address", config.address);
}

void read_rest(reader& in, server_config& config) {
  in.text("resp", config.resp);
  in.text("http", config.http);
  in.choice<bool>("insecure", {{"true", true}, {"false", false}}, config.insecure);
  in.name("persistence", {"wal", "rocksdb", "memory"}, config.persistence);
  in.name("serializer", {"binary", "json", "cbor", "protobuf"}, config.serializer);
  in.milliseconds("election-timeout-min", config.node.core.election_timeout_min);
  in.milliseconds("election-timeout-max", config.node.core.election_timeout_max);
  in.milliseconds("heartbeat-interval", config.node.core.heartbeat_interval);
  in.choice<bool>("lease-reads", {{"true", true}, {"false", false}}, config.node.core.lease_reads);
  in.number("max-clock-drift", config.node.core.max_clock_drift);
  in.number("segment-bytes", config.segment_bytes);
  in.number("log-window-bytes", config.node.core.log_window_bytes);
  in.number("snapshot-entries", config.node.snapshots.after_entries);
  in.number("snapshot-bytes", config.node.snapshots.after_bytes);
  in.number("snapshot-save-rate", config.snapshot_bytes_per_second);
  in.number("snapshot-rate", config.node.core.snapshot_bytes_per_second);
  in.number("compaction-tail-bytes", config.node.core.compaction_tail_bytes);
  in.choice<apply_thread>("apply-thread",
                          {{"loop", apply_thread::loop}, {"own", apply_thread::own}}, config.apply);
  in.milliseconds("request-timeout", config.limits.request_timeout);
  in.milliseconds("idle-timeout", config.limits.idle_time);
  in.number("max-connections", config.limits.connections);
  in.number("max-key-bytes", config.limits.key_bytes);
  in.number("max-value-bytes", config.limits.value_bytes);
  in.number("max-command-bytes", config.limits.command_bytes);
  in.number("max-arguments", config.limits.arguments);
  in.number("max-pipeline-bytes", config.limits.pipeline_bytes);
  in.number("max-output-bytes", config.limits.output_bytes);
  in.milliseconds("session-time", config.limits.sessions.time_to_live);
  in.number("session-window", config.limits.sessions.window);
  in.number("session-answer-bytes", config.limits.sessions.answer_bytes);
  in.number("max-sessions", config.limits.sessions.sessions);
  in.levels("log-level", config.levels);
  in.name("logger", {"spdlog", "boost_log", "log4cpp", "none"}, config.logger);
  in.choice<log_format>("log-format", {{"text", log_format::text}, {"json", log_format::json}},
                        config.format);
}

/// Without encryption an address must stay on this machine, or --insecure be said.
result<void> check_address(std::string_view name, std::string_view text, bool insecure) {
  const auto address = parse_address(text);
  if (!address)
    return fail(address.error().code, fmt::format("--{}: {}", name, address.error().message));
  if (insecure || is_loopback(address->host)) return {};
  return fail(error_code::invalid_argument,
              fmt::format("--{}: {} is beyond loopback, where traffic is neither encrypted nor "
                          "authenticated; say --insecure to allow that",
                          name, text));
}

/// Ports that are given and not left to the system must not meet.
result<void> check_apart(const server_config& config) {
  const std::array all{std::pair{"--resp", config.resp}, std::pair{"--http", config.http},
                       std::pair{"the address for other nodes", address_of(config)}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (all[i].second != all[j].second || all[i].second.ends_with(":0")) continue;
      return fail(error_code::invalid_argument,
                  fmt::format("{} and {} must differ, both are {}", all[i].first, all[j].first,
                              all[i].second));
    }
  }
  return {};
}

/// The sizes that a log sets bounds to.
result<void> check_log(const server_config& config) {
  constexpr std::uint64_t smallest = 64 << 10;
  constexpr std::uint64_t most = 1 << 30;
  const std::uint64_t segment = config.segment_bytes;
  if (segment < smallest || segment > most || segment % 4096 != 0) {
    return fail(error_code::invalid_argument,
                fmt::format("--segment-bytes ({}) must be a multiple of 4096 from 64 KiB to 1 GiB",
                            segment));
  }
  const std::uint64_t command = config.node.core.max_command_bytes;
  if (config.persistence == "wal" &&
      command > wal_options{.segment_bytes = segment}.largest_payload()) {
    return fail(
        error_code::invalid_argument,
        fmt::format("--max-command-bytes ({}) must be at most a quarter of "
                    "--segment-bytes ({}), less the {} bytes that a command's frame may take",
                    config.limits.command_bytes, segment, command_frame));
  }
  if (command > rocksdb_options::largest_payload()) {
    return fail(
        error_code::invalid_argument,
        fmt::format("--max-command-bytes ({}) must be at most {}", config.limits.command_bytes,
                    rocksdb_options::largest_payload() - command_frame));
  }
  return {};
}

result<void> check_whole(const server_config& config) {
  if (const auto ok = check(config.node); !ok) return std::unexpected(ok.error());
  if (auto ok = check(config.limits); !ok) return ok;
  if (auto ok = check_address("resp", config.resp, config.insecure); !ok) return ok;
  if (auto ok = check_address("http", config.http, config.insecure); !ok) return ok;
  if (auto ok = check_address("address", address_of(config), config.insecure); !ok) return ok;
  const bool is_listed = !config.join.empty() || !config.node.members.learners.empty();
  if (config.is_learner && !is_listed) {
    return fail(error_code::invalid_argument,
                "--learner: --cluster must name the cluster's voters beside this node");
  }
  for (const auto& m : config.node.members.members()) {
    if (auto ok = check_address("cluster", m.address, config.insecure); !ok) return ok;
  }
  if (auto ok = check_apart(config); !ok) return ok;
  return check_log(config);
}

}  // namespace

std::string address_of(const server_config& config) {
  if (!config.address.empty()) return config.address;
  const auto members = config.node.members.members();
  const auto own = std::ranges::find(members, config.node.id, &core::member::id);
  return own == members.end() ? std::string() : own->address;
}

result<server_config> make_config(const settings& given) {
  server_config config;
  reader in(given);
  read_members(in, config);
  read_rest(in, config);
  if (!in.outcome()) return std::unexpected(in.outcome().error());

  config.node.core.max_command_bytes = config.limits.command_bytes + command_frame;
  if (auto ok = check_whole(config); !ok) return std::unexpected(ok.error());
  return config;
}

}  // namespace mainstay::server
