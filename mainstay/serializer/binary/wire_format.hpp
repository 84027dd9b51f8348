/// The constants of docs/formats/wire.md that encoder and decoder share. Not for users.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "mainstay/base/error.hpp"

namespace mainstay::binary {

/// The first byte of every encoded RPC.
inline constexpr std::uint8_t format_version = 1;

/// Kinds of requests; a response has the kind of its request with this bit set.
inline constexpr std::uint8_t response_bit = 0x80;

/// The kind of the request or response at position `alternative` of its variant.
constexpr std::uint8_t kind_of(std::size_t alternative, bool response) {
  return static_cast<std::uint8_t>((alternative + 1) | (response ? response_bit : 0));
}

/// Flags of append_entries: how its columns are written.
enum entry_flags : std::uint8_t {
  consecutive = 0x01,
  one_term = 0x02,
  all_commands = 0x04,
  one_time = 0x08,
  near_times = 0x10,
};

/// What the columns of append_entries take for each entry, in bytes, beside its payload.
constexpr std::size_t entry_size(unsigned flags) {
  std::size_t size = 4;  // the length
  if ((flags & consecutive) == 0) size += 8;
  if ((flags & one_term) == 0) size += 8;
  if ((flags & all_commands) == 0) size += 1;
  if ((flags & near_times) != 0) return size + 4;
  return (flags & one_time) != 0 ? size : size + 8;
}

/// The codes of failed outcomes in the order of the wire; the number is the position plus one. It
/// stays when `error_code` gets new names or another order.
inline constexpr std::array wire_errors = {
    error_code::not_leader,       error_code::overloaded,      error_code::shutting_down,
    error_code::invalid_argument, error_code::no_space,        error_code::overwritten,
    error_code::timed_out,        error_code::leadership_lost, error_code::disconnected,
    error_code::unreachable,      error_code::malformed,       error_code::corrupt,
    error_code::io_failed,        error_code::wrong_identity,  error_code::apply_failed,
    error_code::unsupported,      error_code::session_expired, error_code::stale_serial,
};

/// In the count of a `forward_commands`: all of them are session entries.
inline constexpr std::uint32_t session_mark = 1U << 31;
/// In the count of its response: the index follows that covers what is done.
inline constexpr std::uint32_t covered_mark = 1U << 31;

}  // namespace mainstay::binary
