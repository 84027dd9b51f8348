/// What is known of commands whose way to the leader broke. Apart from the replica, because nothing
/// else decides between "certainly not" and "perhaps" with so little in hand.
#pragma once

#include "mainstay/base/error.hpp"

namespace mainstay::detail {

/// The error for commands of a forwarding call that ended with `why` instead of an answer. Only
/// what the network's contract calls not sent or not delivered is refused; the leader may have
/// received the rest, even when it is our own end that gave up (`shutting_down`).
error forwarding_failure(const error& why);

}  // namespace mainstay::detail
