/// The clock of production: it never goes back, and counts the time that the machine was suspended,
/// so that nothing that lasts for a time outlives it in a machine's sleep.
#pragma once

#include "mainstay/base/time.hpp"

namespace mainstay {

/// CLOCK_BOOTTIME. Any thread; some 30 ns, without a system call.
instant suspend_aware_now();

}  // namespace mainstay
