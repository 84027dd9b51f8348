#include "server/local_commands.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/machines/key_value/glob.hpp"

#include "server/consistency_command.hpp"
#include "server/info.hpp"
#include "server/version.hpp"

namespace mainstay::server {

namespace {

using resp::protocol;
using resp::reply_writer;

bool is_word(std::string_view argument, std::string_view word) {
  return equals_ignoring_case(argument, word);
}

std::string unknown_subcommand(const local_command& c) {
  return fmt::format("ERR unknown subcommand '{}'. It is not one that mainstayd has for {}.",
                     c.arguments[1].substr(0, 128), c.entry.text);
}

void ping(const local_command& c, reply_writer& out) {
  if (c.arguments.size() > 2) {
    return out.error("ERR wrong number of arguments for 'ping' command");
  }
  if (c.arguments.size() == 2) return out.bulk(c.arguments[1]);
  out.simple("PONG");
}

/// A client's name shows up in lists, one per line.
bool is_name(std::string_view name) {
  return std::ranges::all_of(name, [](char ch) { return ch > ' ' && ch <= '~'; });
}

constexpr std::string_view name_refusal =
    "ERR Client names cannot contain spaces, newlines or special characters.";

void write_greeting(const local_command& c, reply_writer& out) {
  const auto status = c.context.cluster.status();
  out.map(7);
  out.bulk("server");
  out.bulk("mainstay");
  out.bulk("version");
  out.bulk(redis_version);
  out.bulk("proto");
  out.integer(static_cast<std::int64_t>(c.client.protocol));
  out.bulk("id");
  out.integer(static_cast<std::int64_t>(c.client.id()));
  out.bulk("mode");
  out.bulk("standalone");
  out.bulk("role");
  out.bulk(status.role == "leader" ? "master" : "replica");
  out.bulk("modules");
  out.array(0);
}

/// HELLO [protocol [SETNAME name]]
void hello(const local_command& c, std::string& out) {
  reply_writer before(out, c.client.protocol);
  auto wanted = c.client.protocol;
  std::optional<std::string_view> name;
  if (c.arguments.size() > 1) {
    const auto version = c.arguments[1];
    if (version != "2" && version != "3")
      return before.error("NOPROTO unsupported protocol version");
    wanted = version == "3" ? protocol::resp3 : protocol::resp2;
  }
  for (std::size_t i = 2; i < c.arguments.size(); ++i) {
    if (is_word(c.arguments[i], "AUTH")) {
      return before.error("ERR AUTH is not supported: this server has no users");
    }
    if (!is_word(c.arguments[i], "SETNAME") || i + 1 == c.arguments.size()) {
      return before.error(
          fmt::format("ERR Syntax error in HELLO option '{}'", c.arguments[i].substr(0, 128)));
    }
    name = c.arguments[++i];
    if (!is_name(*name)) return before.error(name_refusal);
  }
  c.client.protocol = wanted;
  if (name) c.client.name = *name;
  reply_writer after(out, wanted);
  write_greeting(c, after);
}

std::string client_line(const session& client) {
  return fmt::format("id={} name={} resp={}\n", client.id(), client.name,
                     static_cast<int>(client.protocol));
}

/// CLIENT: what libraries say when they connect.
void client(const local_command& c, reply_writer& out) {
  const auto& arguments = c.arguments;
  const auto is = [&](std::string_view word, std::size_t count) {
    return is_word(arguments[1], word) && arguments.size() == count;
  };
  if (is("ID", 2)) return out.integer(static_cast<std::int64_t>(c.client.id()));
  if (is("GETNAME", 2)) {
    return c.client.name.empty() ? out.null() : out.bulk(c.client.name);
  }
  if (is("INFO", 2) || is("LIST", 2)) return out.bulk(client_line(c.client));
  if (is("SETNAME", 3)) {
    if (!is_name(arguments[2])) return out.error(name_refusal);
    c.client.name = arguments[2];
    return out.ok();
  }
  const bool accepted = is("SETINFO", 4) || is("NO-EVICT", 3) || is("NO-TOUCH", 3) ||
                        (is("REPLY", 3) && is_word(arguments[2], "ON"));
  if (accepted) return out.ok();
  out.error(unknown_subcommand(c));
}

void write_command_entry(const command_entry& entry, reply_writer& out) {
  out.array(6);
  out.bulk(to_lower(entry.text));
  out.integer(entry.arity);
  out.array(1);
  switch (entry.kind) {
    case command_kind::local:
      out.simple("fast");
      break;
    case command_kind::write:
      out.simple("write");
      break;
    case command_kind::point_read:
    case command_kind::timed_read:
    case command_kind::wide_read:
      out.simple("readonly");
      break;
  }
  out.integer(entry.first_key);
  out.integer(entry.last_key);
  out.integer(entry.key_step);
}

void command(const local_command& c, reply_writer& out) {
  const auto all = all_commands();
  if (c.arguments.size() == 1) {
    out.array(all.size());
    for (const auto& entry : all) write_command_entry(entry, out);
    return;
  }
  const auto what = c.arguments[1];
  if (is_word(what, "COUNT")) return out.integer(static_cast<std::int64_t>(all.size()));
  if (is_word(what, "DOCS")) return out.map(0);
  if (is_word(what, "LIST")) {
    out.array(all.size());
    for (const auto& entry : all) out.bulk(to_lower(entry.text));
    return;
  }
  if (!is_word(what, "INFO")) return out.error(unknown_subcommand(c));
  out.array(c.arguments.size() - 2);
  for (const auto& name : c.arguments.subspan(2)) {
    const auto* entry = find_command(name);
    entry == nullptr ? out.null() : write_command_entry(*entry, out);
  }
}

/// CONFIG GET: what clients and benchmarks ask of every Redis.
void config(const local_command& c, reply_writer& out) {
  if (is_word(c.arguments[1], "RESETSTAT") && c.arguments.size() == 2) return out.ok();
  if (!is_word(c.arguments[1], "GET")) return out.error(unknown_subcommand(c));
  const std::array<std::pair<std::string_view, std::string>, 8> settings{{
      {"appendfsync", "always"},
      {"appendonly", "yes"},
      {"databases", "1"},
      {"maxclients", std::to_string(c.context.limits.connections)},
      {"maxmemory", "0"},
      {"maxmemory-policy", "noeviction"},
      {"proto-max-bulk-len", std::to_string(c.context.limits.command_bytes)},
      {"save", ""},
  }};
  std::vector<const std::pair<std::string_view, std::string>*> asked;
  for (const auto& setting : settings) {
    const bool matches = std::ranges::any_of(c.arguments.subspan(2), [&](std::string_view pattern) {
      return pattern.size() <= 128 && keyspace::matches_glob(to_lower(pattern), setting.first);
    });
    if (matches) asked.push_back(&setting);
  }
  out.map(asked.size());
  for (const auto* setting : asked) {
    out.bulk(setting->first);
    out.bulk(setting->second);
  }
}

void info(const local_command& c, reply_writer& out) {
  const std::string section = c.arguments.size() > 1 ? to_lower(c.arguments[1]) : "default";
  out.bulk(info_text(section, c.context.cluster.status(), c.context.counters));
}

/// MAINSTAY TOKEN [index]: the client's token, or one more index that its reads have to cover.
void token(const local_command& c, reply_writer& out) {
  if (c.arguments.size() == 2) {
    return out.integer(static_cast<std::int64_t>(c.client.token.value()));
  }
  const auto index = parse_token(c.arguments);
  if (!index) return out.error(index.error());
  c.client.token = std::max(c.client.token, *index);
  out.ok();
}

/// MAINSTAY CONSISTENCY … and MAINSTAY TOKEN …
void mainstay_command(const local_command& c, reply_writer& out) {
  if (is_token_command(c.arguments)) return token(c, out);
  if (c.arguments.size() == 2 && is_word(c.arguments[1], "CONSISTENCY")) {
    return out.bulk(name_of(c.client.level));
  }
  const auto asked = parse_consistency(c.arguments);
  if (!asked) return out.error(asked.error());
  c.client.level = asked->level;
  c.client.max_age = asked->max_age;
  out.ok();
}

}  // namespace

void run_local_command(const local_command& c, std::string& out) {
  reply_writer writer(out, c.client.protocol);
  switch (c.entry.name) {
    case command_name::client:
      return client(c, writer);
    case command_name::command:
      return command(c, writer);
    case command_name::config:
      return config(c, writer);
    case command_name::echo:
      return writer.bulk(c.arguments[1]);
    case command_name::hello:
      return hello(c, out);
    case command_name::info:
      return info(c, writer);
    case command_name::mainstay:
      return mainstay_command(c, writer);
    case command_name::ping:
      return ping(c, writer);
    case command_name::select:
      if (c.arguments[1] == "0") return writer.ok();
      return writer.error("ERR DB index is out of range");
    default:  // QUIT; the session closes
      return writer.ok();
  }
}

}  // namespace mainstay::server
