/// Fuzzes the parser of client requests. However a stream is cut into reads, the same requests come
/// out of it, every argument lies within the limits, and nothing is consumed twice.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/assert.hpp"

#include "server/resp/request_parser.hpp"

namespace {

using mainstay::resp::request_limits;
using mainstay::resp::request_parser;
using progress = request_parser::progress;

/// What a stream says: its requests, and whether an error ended it. Which error may depend on how
/// much of a head had arrived.
struct conversation {
  std::vector<std::vector<std::string>> requests;
  bool broken = false;

  friend bool operator==(const conversation&, const conversation&) = default;
};

/// Feeds the stream in steps of `step` bytes.
conversation parse(std::string_view stream, std::size_t step) {
  request_parser parser(request_limits{});
  conversation said;
  std::string unread;
  while (true) {
    const auto outcome = parser.next(unread);
    if (outcome == progress::complete) {
      MAINSTAY_ASSERT(!parser.arguments().empty());
      MAINSTAY_ASSERT(parser.consumed() > 0 && parser.consumed() <= unread.size());
      said.requests.emplace_back(parser.arguments().begin(), parser.arguments().end());
      unread.erase(0, parser.consumed());
    } else if (outcome == progress::broken) {
      MAINSTAY_ASSERT(!parser.failure().empty());
      said.broken = true;
      return said;
    } else if (stream.empty()) {
      return said;
    } else {
      unread.erase(0, parser.consumed());
      const auto piece = stream.substr(0, step);
      unread.append(piece);
      stream.remove_prefix(piece.size());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t longest = 16 << 10;
  if (size > longest) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto whole = parse(stream, longest);
  MAINSTAY_ASSERT(parse(stream, 1) == whole);
  MAINSTAY_ASSERT(parse(stream, 7) == whole);
  return 0;
}
