/// One durable node of the benchmark, as a process of its own: log on disk, TCP to its peers, and
/// in the leader's process the proposer. It obeys lines on standard input (see node_process.cpp).
#pragma once

#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"

namespace mainstay::bench {

/// Who the node is.
struct node_process_options {
  node_id id;
  std::string directory;  ///< of its log; must exist
  std::string members;    ///< "1=127.0.0.1:7101,2=…", the same for all
};

/// Runs until standard input ends. Errors: those of starting the node.
result<void> run_node_process(const node_process_options& options);

}  // namespace mainstay::bench
