/// The bundle (R26): one type that names every component of a node. Ready-made bundles are in
/// mainstay/defaults.hpp; a user derives from one and replaces what differs.
#pragma once

#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/seams/metrics.hpp"
#include "mainstay/seams/network.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// What `host<Types>` and `node<Types>` require of `Types`.
template <class Types>
concept raft_types = requires {
  requires runtime<typename Types::runtime_type>;
  requires persistence_engine<typename Types::persistence_engine_type>;
  requires network_client<typename Types::network_client_type>;
  requires network_server<typename Types::network_server_type>;
  requires diagnostic_logger<typename Types::diagnostic_logger_type>;
  requires metrics_sink<typename Types::metrics_type>;
  requires state_machine<typename Types::state_machine_type>;
};

}  // namespace mainstay
