/// What mainstayctl's exit status tells a script. Part of the program's contract: numbers are never
/// reused (docs/mainstayctl.md has the same table).
#pragma once

#include <cstdint>
#include <string_view>

namespace mainstay::cli {

/// The process's exit status.
enum class exit_code : std::uint8_t {
  done = 0,         ///< it happened, or the answer was printed
  not_found = 1,    ///< carried out, but there was no such key, or a condition did not hold
  usage = 2,        ///< the command line is wrong; nothing was sent
  unavailable = 3,  ///< surely not done: nobody could be reached, or everyone refused for now
  unknown = 4,      ///< may have happened or may yet: an answer was lost or outstanding
  damaged = 5,      ///< a data directory holds damage (logdump, forget-peer, snapshot)
  invalid = 6,      ///< surely not done: the server refused the command itself; do not retry
  degraded = 7,     ///< answered, but a node is out of reach, leaderless, or some requests failed
  io_failed = 8,    ///< a local file could not be read or written
};

/// The table above, for `--help`.
inline constexpr std::string_view exit_code_help =
    "Exit status:\n"
    "  0  done\n"
    "  1  carried out, but there was no such key, or the condition did not hold\n"
    "  2  wrong usage; nothing was sent\n"
    "  3  unavailable: surely not done; try again later\n"
    "  4  unknown: it may have happened, or may yet\n"
    "  5  damaged: a data directory holds damage (logdump, forget-peer, snapshot)\n"
    "  6  invalid: the server refused the command itself; surely not done, do not retry\n"
    "  7  degraded: a node is out of reach or leaderless (status), some requests failed (bench)\n"
    "  8  a local file could not be read or written\n";

}  // namespace mainstay::cli
