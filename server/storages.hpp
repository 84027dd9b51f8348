/// The persistence engines that mainstayd offers, by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/seams/any_persistence_engine.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/transport/tcp/peer_identities.hpp"

#include "server/config.hpp"

namespace mainstay::server {

/// An open engine, and what it knows of itself.
struct opened_storage {
  any_persistence_engine engine;
  incarnation disk;
  core::configuration bootstrap;                ///< the members of the first start
  std::shared_ptr<peer_identities> identities;  ///< must not outlive the engine, if it is durable
};

/// Opens the engine that `config.persistence` names, and warns when it keeps nothing. Blocks.
/// Errors: those of the engine; `wrong_identity` when the directory is of another engine.
result<opened_storage> open_storage(const server_config& config, std::uint64_t seed,
                                    logger_ref log);

/// The cluster whose log an earlier start has left; none when there is none. Errors: as above.
result<std::optional<cluster_id>> cluster_of_log(const server_config& config);

}  // namespace mainstay::server
