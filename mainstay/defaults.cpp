#include "mainstay/defaults.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/checksum.hpp"
#include "mainstay/storage/wal/peer_file.hpp"

namespace mainstay {

// Of bytes that are fixed for ever, whatever becomes of the form in the log: a cluster's identity
// must not change with the version that its nodes run.
cluster_id derived_cluster_id(const core::configuration& members) {
  std::vector<std::byte> bytes{std::byte{1}, std::byte(members.voters.size())};
  for (const auto& m : members.voters) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      bytes.push_back(std::byte((m.id.value() >> shift) & 0xff));
    }
    bytes.push_back(std::byte(m.address.size()));
    const auto text = std::as_bytes(std::span(m.address));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  bytes.insert(bytes.end(), 2, std::byte{0});
  return cluster_id(checksum(bytes) | 1);
}

tcp_options peer_options(const node_options& node, cluster_id cluster, std::uint64_t seed) {
  tcp_options options;
  options.cluster = cluster;
  options.self = node.id;
  options.random_seed = seed;
  for (const auto& m : node.members.members()) {
    if (m.id == node.id) options.listen_address = m.address;
  }
  // Room for the largest command beside a full append_entries or forward_commands, or for a chunk
  // of a snapshot. The other limits follow, so that the node's settings alone decide what is
  // possible.
  const std::size_t largest = std::max(
      node.core.max_command_bytes + std::max(node.core.max_append_bytes, node.max_forward_bytes),
      node.core.snapshot_chunk_bytes);
  auto& limits = options.limits;
  limits.max_frame_bytes = std::max(limits.max_frame_bytes, 2 * largest);
  limits.max_bytes_in_flight = std::max(limits.max_bytes_in_flight, limits.max_frame_bytes);
  limits.max_unanswered_bytes = std::max(limits.max_unanswered_bytes, limits.max_frame_bytes);
  return options;
}

std::shared_ptr<peer_identities> identities_in(wal::peer_file& peers) {
  auto identities = std::make_shared<peer_identities>(wal::max_known_peers);
  for (const auto& [peer, met] : peers.known()) {
    identities->remember(peer, met.disk, met.joined);
  }
  identities->record_with(
      [&peers](node_id peer, incarnation disk, log_index joined) {
        return peers.remember(peer, {disk, joined});
      },
      [&peers](node_id peer) { return peers.forget(peer); });
  return identities;
}

std::shared_ptr<peer_identities> identities_beside(wal_engine& storage) {
  return identities_in(storage.peers());
}

std::function<void(const membership_news&)> follow_with(std::shared_ptr<peer_identities> identities,
                                                        logger_ref log) {
  return [identities = std::move(identities), log](const membership_news& news) {
    peer_identities::member_list members;
    for (const auto& m : news.members.members()) members.emplace(m.id, m.joined);
    const auto followed = identities->follow_members(std::move(members), news.is_settled);
    if (followed) return;
    log.log(log_level::error, "node", "the disk of a node that left cannot be forgotten yet",
            {{"problem", std::string_view(followed.error().message)}});
  };
}

namespace detail {

result<prepared_options> prepare(const instance_options& options) {
  prepared_options p;
  auto members = parse_members(options.members);
  if (!members) return std::unexpected(members.error());
  p.node = {.id = node_id(options.id),
            .members = *std::move(members),
            .core = options.core,
            .timeouts = options.timeouts,
            .snapshots = options.snapshots};
  if (auto config = check(p.node); !config) return std::unexpected(config.error());
  if (options.directory.empty()) {
    return fail(error_code::invalid_argument, "directory must not be empty");
  }

  const cluster_id cluster =
      options.cluster != 0 ? cluster_id(options.cluster) : derived_cluster_id(p.node.members);
  p.storage = {.directory = options.directory,
               .cluster = cluster,
               .node = p.node.id,
               .bootstrap = p.node.members,
               .seed = asio_runtime::random_seed(),
               .segment_bytes = options.segment_bytes};
  if (options.core.max_command_bytes > p.storage.largest_payload()) {
    return fail(error_code::invalid_argument,
                "core.max_command_bytes (" + std::to_string(options.core.max_command_bytes) +
                    ") must be at most a quarter of a log segment (" +
                    std::to_string(p.storage.largest_payload()) + ")");
  }
  p.network = peer_options(p.node, cluster, p.storage.seed);
  p.network.allow_plaintext_beyond_loopback = options.allow_plaintext_beyond_loopback;
  return p;
}

}  // namespace detail
}  // namespace mainstay
