/// Counts replies in a stream without building them: the load generator only needs to know how many
/// there were and of which kind. Not a parser; arrays, which no request of ours brings, are
/// refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mainstay::cli {

/// Error replies that begin with the same word, such as "UNAVAILABLE".
struct error_count {
  std::string word;
  std::uint64_t count = 0;
};

/// How many replies of each kind.
struct reply_counts {
  std::uint64_t succeeded = 0;      ///< including missing ones
  std::uint64_t missing = 0;        ///< nil: no such key
  std::uint64_t failed = 0;         ///< error replies
  std::vector<error_count> errors;  ///< in order of first appearance, at most 64 kinds

  /// Every reply.
  std::uint64_t total() const { return succeeded + failed; }
};

/// Scans one connection's stream. For one thread.
class reply_scanner {
 public:
  /// Counts the replies that end within `bytes` into `counts` and returns how many bytes it is
  /// done with; the caller gives the rest again, with more behind it.
  std::size_t scan(std::string_view bytes, reply_counts& counts);

  /// True once the stream made no sense; nothing is counted any more.
  bool malformed() const { return malformed_; }

 private:
  bool scan_line(std::string_view line, reply_counts& counts);
  bool begin_bulk(std::string_view digits, reply_counts& counts);

  std::uint64_t payload_left_ = 0;  ///< of the bulk string under way, with its line end
  bool malformed_ = false;
};

}  // namespace mainstay::cli
