#include "server/lock_command.hpp"

#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/distributed_lock/distributed_lock.hpp"

#include "server/machine_command.hpp"
#include "server/resp/whole_number.hpp"

namespace mainstay::server {

namespace {

using enum command_name;

constexpr std::array entries{
    command_entry{"MAINSTAY|LOCK", lock, command_kind::write, -5, 0, 0, 0},
    command_entry{"MAINSTAY|UNLOCK", unlock, command_kind::write, 4, 0, 0, 0},
    command_entry{"MAINSTAY|HOLDER", holder, command_kind::point_read, 3, 0, 0, 0},
};
constexpr std::string_view first_word = "MAINSTAY|";

std::unexpected<std::string> refuse(std::string text) { return std::unexpected(std::move(text)); }

}  // namespace

const command_entry* command_of(argument_list arguments) {
  const auto* entry = find_command(arguments.front());
  if (entry == nullptr || entry->name != command_name::mainstay || arguments.size() < 2) {
    return entry;
  }
  for (const auto& one : entries) {
    if (equals_ignoring_case(arguments[1], one.text.substr(first_word.size()))) return &one;
  }
  return entry;
}

bool is_lock_command(command_name name) { return name == lock || name == unlock || name == holder; }

/// MAINSTAY LOCK name owner milliseconds [WAIT], MAINSTAY UNLOCK name owner, MAINSTAY HOLDER name
std::expected<shared_bytes, std::string> translate_lock(const command_entry& entry,
                                                        argument_list arguments,
                                                        const server_limits& limits) {
  for (const auto name : arguments.subspan(2, entry.name == holder ? 1 : 2)) {
    if (name.empty()) return refuse("ERR a lock and its owner need a name");
    if (name.size() > limits.key_bytes) {
      return refuse(
          fmt::format("ERR name of {} bytes is longer than {}", name.size(), limits.key_bytes));
    }
  }
  if (entry.name == holder) return look_at_lock(distributed_lock::look(arguments[2]));
  if (entry.name == unlock) {
    return change_lock(distributed_lock::release(arguments[2], arguments[3]));
  }
  MAINSTAY_ASSERT(entry.name == lock);
  const bool waits = arguments.size() > 5;
  if (arguments.size() > 6 || (waits && !equals_ignoring_case(arguments[5], "WAIT"))) {
    return refuse("ERR syntax error");
  }
  const auto time = resp::whole_number<std::int64_t>(arguments[4]);
  if (!time) return refuse("ERR value is not an integer or out of range");
  if (*time <= 0 || static_cast<std::uint64_t>(*time) > distributed_lock::longest_time) {
    return refuse("ERR invalid expire time in 'mainstay|lock' command");
  }
  return change_lock(distributed_lock::acquire(arguments[2], arguments[3],
                                               static_cast<std::uint64_t>(*time), waits));
}

}  // namespace mainstay::server
