#include "server/command_table.hpp"

#include <algorithm>
#include <array>

namespace mainstay::server {

namespace {

using enum command_name;
using enum command_kind;

constexpr std::array commands{
    command_entry{"APPEND", append, write, 3, 1, 1, 1},
    command_entry{"CLIENT", client, local, -2, 0, 0, 0},
    command_entry{"COMMAND", command, local, -1, 0, 0, 0},
    command_entry{"CONFIG", config, local, -2, 0, 0, 0},
    command_entry{"DBSIZE", dbsize, wide_read, 1, 0, 0, 0},
    command_entry{"DECR", decr, write, 2, 1, 1, 1},
    command_entry{"DECRBY", decrby, write, 3, 1, 1, 1},
    command_entry{"DEL", del, write, -2, 1, -1, 1},
    command_entry{"ECHO", echo, local, 2, 0, 0, 0},
    command_entry{"EXISTS", exists, point_read, -2, 1, -1, 1},
    command_entry{"EXPIRE", expire, write, -3, 1, 1, 1},
    command_entry{"EXPIREAT", expireat, write, -3, 1, 1, 1},
    command_entry{"EXPIRETIME", expiretime, point_read, 2, 1, 1, 1},
    command_entry{"FLUSHALL", flushall, write, -1, 0, 0, 0},
    command_entry{"GET", get, point_read, 2, 1, 1, 1},
    command_entry{"GETDEL", getdel, write, 2, 1, 1, 1},
    command_entry{"GETEX", getex, write, -2, 1, 1, 1},
    command_entry{"GETSET", getset, write, 3, 1, 1, 1},
    command_entry{"HELLO", hello, local, -1, 0, 0, 0},
    command_entry{"INCR", incr, write, 2, 1, 1, 1},
    command_entry{"INCRBY", incrby, write, 3, 1, 1, 1},
    command_entry{"INFO", info, local, -1, 0, 0, 0},
    command_entry{"KEYS", keys, wide_read, 2, 0, 0, 0},
    command_entry{"MAINSTAY", command_name::mainstay, local, -2, 0, 0, 0},
    command_entry{"MGET", mget, point_read, -2, 1, -1, 1},
    command_entry{"MSET", mset, write, -3, 1, -1, 2},
    command_entry{"PERSIST", persist, write, 2, 1, 1, 1},
    command_entry{"PEXPIRE", pexpire, write, -3, 1, 1, 1},
    command_entry{"PEXPIREAT", pexpireat, write, -3, 1, 1, 1},
    command_entry{"PEXPIRETIME", pexpiretime, point_read, 2, 1, 1, 1},
    command_entry{"PING", ping, local, -1, 0, 0, 0},
    command_entry{"PSETEX", psetex, write, 4, 1, 1, 1},
    command_entry{"PTTL", pttl, timed_read, 2, 1, 1, 1},
    command_entry{"QUIT", quit, local, -1, 0, 0, 0},
    command_entry{"SCAN", scan, wide_read, -2, 0, 0, 0},
    command_entry{"SELECT", select, local, 2, 0, 0, 0},
    command_entry{"SET", set, write, -3, 1, 1, 1},
    command_entry{"SETEX", setex, write, 4, 1, 1, 1},
    command_entry{"SETNX", setnx, write, 3, 1, 1, 1},
    command_entry{"STRLEN", strlen, point_read, 2, 1, 1, 1},
    command_entry{"TTL", ttl, timed_read, 2, 1, 1, 1},
    command_entry{"TYPE", type, point_read, 2, 1, 1, 1},
    command_entry{"XADD", xadd, write, -5, 1, 1, 1},
    command_entry{"XLEN", xlen, point_read, 2, 1, 1, 1},
    command_entry{"XRANGE", xrange, wide_read, -4, 1, 1, 1},
    command_entry{"XTRIM", xtrim, write, -4, 1, 1, 1},
};
static_assert(std::ranges::is_sorted(commands, {}, &command_entry::text));

constexpr std::size_t longest_name = 11;

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

const command_entry* find_command(std::string_view name) {
  char capitals[longest_name];
  if (name.empty() || name.size() > longest_name) return nullptr;
  std::ranges::transform(name, capitals, upper);
  const std::string_view wanted(capitals, name.size());
  const auto found = std::ranges::lower_bound(commands, wanted, {}, &command_entry::text);
  return found != commands.end() && found->text == wanted ? &*found : nullptr;
}

bool arity_fits(const command_entry& entry, std::size_t count) {
  if (entry.arity >= 0) return count == static_cast<std::size_t>(entry.arity);
  return count >= static_cast<std::size_t>(-entry.arity);
}

std::span<const command_entry> all_commands() { return commands; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, upper, upper);
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace mainstay::server
