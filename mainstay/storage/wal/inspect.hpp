/// Looks into a log's directory without opening the log: read-only, without the lock, past damage.
/// For tools that show people what is there; it draws no conclusions about what counts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// What an `inspected_item` is.
enum class item_kind : std::uint8_t {
  segment,  ///< a file; `header` is set when it is not damaged
  batch,    ///< a batch header
  record,   ///< a record
  end,      ///< nothing holds from here to the file's end: never written, or torn
};

/// One thing in a segment, in the order of the bytes.
struct inspected_item {
  item_kind kind = item_kind::segment;
  std::string_view file;     ///< path of the segment; valid during the call
  std::uint64_t offset = 0;  ///< in the file
  bool damaged = false;      ///< the bytes do not hold; the other fields are not to be believed
  std::string_view note;     ///< why it is damaged
  segment_header segment;    ///< of a segment
  batch_header batch;        ///< of a batch
  record_header record;      ///< of a record
};

/// Called for every item. Returning false ends the inspection.
using item_visitor = std::function<bool(const inspected_item&)>;

/// Visits every segment of a directory by rising sequence, with everything in it. Behind damage it
/// goes on at the next batch that holds. Errors: `io_failed`, when a file cannot be read at all;
/// `wrong_identity` for a directory of another engine.
result<void> inspect(file_system& files, const std::string& directory, const item_visitor& visit);

/// What the log of a directory says of itself, whose it is among that; read without the lock. None
/// when nothing was ever written to it. Errors: `corrupt` when there is a log and it does not tell,
/// `io_failed`; `wrong_identity` for a directory of another engine.
result<std::optional<segment_header>> find_log(file_system& files, const std::string& directory);

/// "entry", "hard_state", …; "unknown" for numbers that mean nothing.
std::string_view name_of(record_type type);

}  // namespace mainstay::wal
