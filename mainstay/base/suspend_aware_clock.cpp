#include "mainstay/base/suspend_aware_clock.hpp"

#include <ctime>

namespace mainstay {

instant suspend_aware_now() {
  std::timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace mainstay
