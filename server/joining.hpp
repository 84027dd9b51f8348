/// How a new node gets into a cluster that it knows nothing of but admin ports (`--join`): it asks
/// to be taken in, and starts with the identity and the members that it is told.
#pragma once

#include "mainstay/base/error.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"

#include "server/config.hpp"

namespace mainstay::server {

/// Gives a configuration with `--join` its cluster. A directory that holds a log is of a node that
/// has joined before: nobody is asked again. Otherwise it blocks until the leader has taken the
/// node in as a learner, which is tried again for half a minute. Other configurations stay as they
/// are. Errors: those of the leader, `timed_out`, `corrupt`, `io_failed`.
result<server_config> find_cluster(server_config config, logger_ref log);

}  // namespace mainstay::server
