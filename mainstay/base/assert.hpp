/// Assertions that stay on in release builds. They state facts about our own code, one each, and
/// cannot be reached from bytes of the wire or the disk.
#pragma once

namespace mainstay {

/// Prints the broken fact with its place to standard error and aborts the process.
[[noreturn]] void assertion_failed(const char* fact, const char* file, int line) noexcept;

}  // namespace mainstay

/// Aborts with the text of `fact` when it does not hold. Always on.
#define MAINSTAY_ASSERT(fact) \
  (static_cast<bool>(fact) ? void() : ::mainstay::assertion_failed(#fact, __FILE__, __LINE__))
