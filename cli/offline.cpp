#include "cli/offline.hpp"

#include <fmt/format.h>

namespace mainstay::cli {

exit_code code_of(const error& why) {
  switch (why.code) {
    case error_code::corrupt:
    case error_code::unsupported:
      return exit_code::damaged;
    case error_code::invalid_argument:
      return exit_code::usage;
    default:
      return exit_code::io_failed;
  }
}

std::vector<std::string> in_words(const std::vector<core::member>& members) {
  std::vector<std::string> words;
  for (const auto& m : members) words.push_back(fmt::format("{}={}", m.id.value(), m.address));
  return words;
}

std::uint64_t draw_id(random_generator& random) {
  auto drawn = random.next();
  while (drawn == 0) drawn = random.next();
  return drawn;
}

}  // namespace mainstay::cli
