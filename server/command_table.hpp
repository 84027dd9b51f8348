/// The commands that clients may send: names, arity, and what kind of thing each is. What they do
/// stands in translate.hpp, translate_log.hpp and lock_command.hpp (for the cluster) and
/// local_commands.hpp (for the connection).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mainstay::server {

/// Every command by name.
enum class command_name : std::uint8_t {
  append,
  client,
  command,
  config,
  dbsize,
  decr,
  decrby,
  del,
  echo,
  exists,
  expire,
  expireat,
  expiretime,
  flushall,
  get,
  getdel,
  getex,
  getset,
  hello,
  holder,
  incr,
  incrby,
  info,
  keys,
  lock,
  mainstay,
  mget,
  mset,
  persist,
  pexpire,
  pexpireat,
  pexpiretime,
  ping,
  psetex,
  pttl,
  quit,
  scan,
  select,
  set,
  setex,
  setnx,
  strlen,
  ttl,
  type,
  unlock,
  xadd,
  xlen,
  xrange,
  xtrim,
};

/// Who carries a command out.
enum class command_kind : std::uint8_t {
  local,       ///< the connection itself
  write,       ///< the cluster, through the log
  point_read,  ///< the cluster; a read of some keys, cheap enough to go through the log as well
  timed_read,  ///< the cluster; a read that needs the time, which only a place in the log gives
  wide_read,   ///< the cluster; a read that walks over many keys
};

/// One line of the table.
struct command_entry {
  std::string_view text;  ///< the name in capitals
  command_name name;
  command_kind kind;
  int arity;      ///< arguments with the name; negative: at least so many (as Redis has it)
  int first_key;  ///< position of the first key, 0: none
  int last_key;   ///< of the last; -1: the last argument
  int key_step;   ///< from one key to the next
};

/// Finds a command whatever the case of its letters; null when there is none.
const command_entry* find_command(std::string_view name);

/// Whether a command may have so many arguments, the name included.
bool arity_fits(const command_entry& entry, std::size_t count);

/// All commands, sorted by name.
std::span<const command_entry> all_commands();

/// Whether two words are the same but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Small letters for capital ones.
std::string to_lower(std::string_view text);

}  // namespace mainstay::server
