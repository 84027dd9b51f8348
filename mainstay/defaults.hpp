/// The ready-made bundle: Asio, a write-ahead log, TCP with binary messages. The one place in the
/// library that names adapters; derive from `default_types` to replace some of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "mainstay/node/node.hpp"
#include "mainstay/runtime/asio/asio_runtime.hpp"
#include "mainstay/runtime/asio/io_context.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"
#include "mainstay/transport/tcp/tcp_client.hpp"
#include "mainstay/transport/tcp/tcp_server.hpp"

namespace mainstay {

/// The components of a node unless told otherwise.
template <state_machine Machine>
struct default_types {
  using runtime_type = asio_runtime;
  using persistence_engine_type = wal_engine;
  using network_client_type = tcp_client<binary_serializer>;
  using network_server_type = tcp_server<binary_serializer>;
  using diagnostic_logger_type = logger_ref;
  using metrics_type = null_metrics;
  using state_machine_type = Machine;
};

/// What an instance is told at its start. The first three have no default.
struct instance_options {
  std::uint64_t id = 0;   ///< this node's id, one of those in `members`
  std::string directory;  ///< where the log lives; made when missing
  std::string members;    ///< "1=host:port,2=host:port,…": the same text on every node
  /// 0: derived from `members`.
  std::uint64_t cluster = 0;
  /// Messages between nodes are neither encrypted nor authenticated: beyond loopback only with
  /// this.
  bool allow_plaintext_beyond_loopback = false;
  /// Where the state machine works; `own` for one that takes long.
  apply_thread apply = apply_thread::loop;
  core::config core;
  rpc_timeouts timeouts;
  snapshot_policy snapshots;
  std::uint64_t segment_bytes = 64 << 20;  ///< see `wal_options`
  logger_ref logger;                       ///< must outlive the instance
};

/// The identity of a cluster that was given none: derived from its first members, so that two
/// clusters that were mixed up do not talk to each other.
cluster_id derived_cluster_id(const core::configuration& members);

/// How a node speaks to its peers: where it listens, and room in a frame for its largest command.
/// The disk's incarnation is still to be set.
tcp_options peer_options(const node_options& node, cluster_id cluster, std::uint64_t seed);

/// What is known of peers' disks, read from beside the log and written there when a peer is met for
/// the first time: a node whose disk was wiped is refused although all were restarted in between.
/// For `tcp_options::identities`; `storage` outlives the client and the server that use it.
std::shared_ptr<peer_identities> identities_beside(wal_engine& storage);
/// The same for any engine that keeps such a file.
std::shared_ptr<peer_identities> identities_in(wal::peer_file& peers);

/// Has it forget who leaves the cluster: for `node_listener::members_changed`.
std::function<void(const membership_news&)> follow_with(std::shared_ptr<peer_identities> identities,
                                                        logger_ref log);

namespace detail {

/// Options taken apart and checked.
struct prepared_options {
  node_options node;
  wal_options storage;
  tcp_options network;
};

/// Errors: `invalid_argument`, with the field.
result<prepared_options> prepare(const instance_options& options);

}  // namespace detail

/// A process's part in one group, with everything it needs: opens the log, listens, takes part.
template <state_machine Machine>
class instance {
 public:
  using types = default_types<Machine>;

  /// Starts. Errors: those of the options, of the log and of the listening socket.
  static result<std::unique_ptr<instance>> open(const instance_options& options, Machine machine) {
    auto prepared = detail::prepare(options);
    if (!prepared) return std::unexpected(prepared.error());
    auto storage = wal_engine::open(prepared->storage);
    if (!storage) return std::unexpected(storage.error());
    prepared->network.disk = (*storage)->incarnation();
    prepared->network.identities = identities_beside(**storage);
    // The list that was given counts at the first start only; the log has kept it.
    prepared->node.members = (*storage)->bootstrap();
    auto network = check(prepared->network);
    if (!network) return std::unexpected(network.error());

    std::unique_ptr<instance> made(new instance(options, *std::move(storage), *network));
    node_listener listener{.members_changed = follow_with((*network)->identities, options.logger)};
    if (auto ok = made->start(std::move(prepared->node), std::move(machine), std::move(listener));
        !ok) {
      return std::unexpected(ok.error());
    }
    return made;
  }

  /// Stops in order: the node, its connections and its log, the loop.
  ~instance() {
    if (node_) node_->stop();
    host_.stop();
    runtime_.stop();
    runtime_.join();
  }

  /// The node, for everything but the common calls below.
  node<types>& replica() { return *node_; }

  /// See `node::submit`.
  template <completion_token<command_outcome> Token>
  auto submit(shared_bytes command, const submit_options& options, Token&& token) {
    return node_->submit(std::move(command), options, std::forward<Token>(token));
  }
  /// See `node::query`.
  template <completion_token<command_outcome> Token>
  auto query(shared_bytes request, const query_options& options, Token&& token) {
    return node_->query(std::move(request), options, std::forward<Token>(token));
  }
  /// See `node::status`.
  node_status status() const { return node_->status(); }
  /// The moment `span` from now, for deadlines.
  instant in(duration span) const { return runtime_.now() + span; }

 private:
  instance(const instance_options& options, std::unique_ptr<wal_engine> storage,
           const valid_tcp_options& network)
      : runtime_(options.apply),
        logger_(options.logger),
        storage_(std::move(storage)),
        client_(io_context_of(runtime_), network, logger_),
        server_(io_context_of(runtime_), network, logger_),
        host_({runtime_, *storage_, client_, server_, logger_, metrics_}) {
    runtime_.start();
  }

  result<void> start(node_options options, Machine machine, node_listener listener) {
    auto started =
        node<types>::start(host_, std::move(options), std::move(machine), std::move(listener));
    if (!started) return std::unexpected(started.error());
    node_.emplace(*std::move(started));
    return host_.start();
  }

  asio_runtime runtime_;
  logger_ref logger_;
  null_metrics metrics_;
  std::unique_ptr<wal_engine> storage_;
  tcp_client<binary_serializer> client_;
  tcp_server<binary_serializer> server_;
  host<types> host_;
  std::optional<node<types>> node_;
};

}  // namespace mainstay
