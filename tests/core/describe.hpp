/// Messages and states of a core as short lines of text, for scenarios and for failing tests. No
/// field of a message is left out but its call number, which means nothing to a reader.
#pragma once

#include <string>

#include "mainstay/core/raft.hpp"

namespace mainstay::core_test {

/// "append_entries term 2 prev 3/1 commit 3 round 0 entries 4/2 5/2", an entry as index/term.
std::string describe(const core::message& m);
/// "leader term 2 vote 1 leader 1 last 5 stable 5 commit 4 applied 4".
std::string describe(const core::raft& r);
/// "voters 1,2,3", and outgoing voters and learners where there are any.
std::string describe(const core::configuration& c);

}  // namespace mainstay::core_test
