#include "mainstay/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace mainstay {

void assertion_failed(const char* fact, const char* file, int line) noexcept {
  std::fprintf(stderr, "mainstay: broken invariant: %s (%s:%d)\n", fact, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace mainstay
