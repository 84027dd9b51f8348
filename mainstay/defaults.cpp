#include "mainstay/defaults.hpp"

#include "mainstay/base/checksum.hpp"

namespace mainstay::detail {

result<prepared_options> prepare(const instance_options& options) {
  prepared_options p;
  auto members = parse_members(options.members);
  if (!members) return std::unexpected(members.error());
  p.node = {.id = node_id(options.id),
            .members = *std::move(members),
            .core = options.core,
            .timeouts = options.timeouts};
  if (auto config = check(p.node); !config) return std::unexpected(config.error());
  if (options.directory.empty()) {
    return fail(error_code::invalid_argument, "directory must not be empty");
  }

  const cluster_id cluster = options.cluster != 0
                                 ? cluster_id(options.cluster)
                                 : cluster_id(checksum(core::encode(p.node.members).span()) | 1);
  p.storage = {.directory = options.directory,
               .cluster = cluster,
               .node = p.node.id,
               .bootstrap = p.node.members,
               .seed = asio_runtime().random_seed()};
  p.network.cluster = cluster;
  p.network.self = p.node.id;
  for (const auto& m : p.node.members.voters) {
    if (m.id == p.node.id) p.network.listen_address = m.address;
  }
  p.network.allow_plaintext_beyond_loopback = options.allow_plaintext_beyond_loopback;
  p.network.random_seed = p.storage.seed;
  return p;
}

}  // namespace mainstay::detail
