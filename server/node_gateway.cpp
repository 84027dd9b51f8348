#include "server/node_gateway.hpp"

#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "mainstay/defaults.hpp"
#include "mainstay/metrics/prometheus/prometheus_metrics.hpp"

#include "server/serializers.hpp"
#include "server/server_machine.hpp"
#include "server/storages.hpp"

namespace mainstay::server {

namespace {

/// How long a status waits for the node's loop.
constexpr auto status_patience = std::chrono::seconds(1);

/// mainstayd's bundle.
struct server_types : default_types<server_machine> {
  using network_client_type = tcp_client<any_rpc_serializer>;
  using network_server_type = tcp_server<any_rpc_serializer>;
  using metrics_type = prometheus_metrics;
  using persistence_engine_type = any_persistence_engine;
};

result<valid_tcp_options> network_options(const server_config& config,
                                          const opened_storage& storage, std::uint64_t seed) {
  tcp_options options = peer_options(config.node, config.cluster, seed);
  options.listen_address = address_of(config);
  options.disk = storage.disk;
  options.identities = storage.identities;
  options.allow_plaintext_beyond_loopback = config.insecure;
  return check(std::move(options));
}

read_level level_of(consistency level) {
  switch (level) {
    case consistency::linearizable:
      return read_level::linearizable;
    case consistency::lease:
      return read_level::lease;
    case consistency::bounded:
      return read_level::bounded;
    case consistency::token:
      return read_level::at_least;
    case consistency::stale:
      return read_level::stale;
  }
  return read_level::linearizable;
}

std::string role_of(const member_status& m, const node_status& s) {
  if (m.member.id == s.leader) return "leader";
  return m.is_voter ? "voter" : "learner";
}

status_report report_of(const node_status& s, cluster_id cluster) {
  status_report report{.id = s.id,
                       .cluster_id = cluster,
                       .role = core::name_of(s.role),
                       .term = s.term,
                       .leader = s.leader,
                       .commit_index = s.commit_index,
                       .applied_index = s.applied_index,
                       .last_index = s.last_index,
                       .snapshot_index = s.snapshot_index,
                       .snapshot_bytes = s.snapshot_bytes,
                       .health = name_of(s.health),
                       .problem = s.problem,
                       .members = {}};
  const bool leads = s.role == core::role::leader;
  for (const auto& m : s.members) {
    report.members.push_back({.id = m.member.id,
                              .address = m.member.address,
                              .role = role_of(m, s),
                              .match_index = m.match_index,
                              .state = leads ? core::name_of(m.state) : "unknown",
                              .silence = m.silence,
                              .snapshot_sent = m.snapshot_sent,
                              .snapshot_size = m.snapshot_size});
  }
  return report;
}

}  // namespace

/// The components in the order in which they are made, and the reverse in which they end.
class node_gateway::implementation {
 public:
  implementation(const server_config& config, opened_storage storage,
                 const valid_tcp_options& network, logger_ref logger)
      : cluster_(config.cluster),
        runtime_(config.apply),
        logger_(logger),
        identities_(network->identities),
        storage_(std::move(storage)),
        client_(io_context_of(runtime_), network, logger_, serializer_named(config.serializer)),
        server_(io_context_of(runtime_), network, logger_, serializer_named(config.serializer)),
        host_({runtime_, storage_.engine, client_, server_, logger_, metrics_}) {
    last_.id = config.node.id;
    last_.cluster_id = cluster_;
    runtime_.start();
  }
  ~implementation() { stop(); }

  result<void> start(const server_config& config, std::function<void(const error&)> stopped) {
    node_listener listener{.leadership_changed = {},
                           .stopped = std::move(stopped),
                           .members_changed = follow_with(identities_, logger_)};
    if (!config.join_token.empty()) listener.manages_members = require_token(config.join_token);
    // All replicas order their keys alike, so that a SCAN can go on at another node.
    node_options options = config.node;
    // The list that was given counts at the first start only; the log has kept it.
    options.members = storage_.bootstrap;
    auto started = node<server_types>::start(host_, std::move(options),
                                             server_machine(cluster_.value()), std::move(listener));
    if (!started) return std::unexpected(started.error());
    node_.emplace(*std::move(started));
    events_ = node_->events(
        {.applied = false, .on_events = [this](event_stream& stream) { log_events(stream); }});
    return host_.start();
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    if (node_) node_->stop();
    host_.stop();
    runtime_.stop();
    runtime_.join();
  }

  /// Waits for a turn of the loop, but not for long: a loop that stalls is worth reporting too.
  status_report status() {
    // Shared, because the task may run, or be dropped, after this call has given up.
    const auto promise = std::make_shared<std::promise<node_status>>();
    auto future = promise->get_future();
    runtime_.loop().post([this, promise] { promise->set_value(node_->status_on_loop()); });
    const bool in_time = future.wait_for(status_patience) == std::future_status::ready;
    const std::lock_guard lock(last_mutex_);
    if (!in_time) {
      last_.health = "stalled";
      last_.problem = "the node's thread does not answer";
      return last_;
    }
    try {
      last_ = report_of(future.get(), cluster_);
    } catch (const std::future_error&) {  // the loop has ended, and dropped the task
      last_.health = name_of(node_health::stopped);
    }
    return last_;
  }

  /// Calls `look` on the loop.
  void with_status(std::function<void(const node_status&)> look) {
    runtime_.loop().post([this, look = std::move(look)] { look(node_->status_on_loop()); });
  }

  /// On the loop.
  void join(const core::member& newcomer, const std::string& credential, instant deadline,
            std::function<void(const membership_outcome&)> done) {
    const node_status s = node_->status_on_loop();
    if (s.role != core::role::leader) {
      return done(fail(error_code::not_leader, "only the leader takes nodes in", s.leader));
    }
    const bool is_met = static_cast<bool>(identities_->known(newcomer.id));
    const auto needed = judge_newcomer(s.configuration, newcomer, is_met);
    if (!needed) return done(std::unexpected(needed.error()));
    if (!*needed) return done(membership_result{s.configuration, s.configuration_index, {}});
    membership_request request{.add = {newcomer}, .credential = credential};
    node_->change_members(std::move(request), deadline, std::move(done));
  }
  cluster_id cluster() const { return cluster_; }
  void post(std::function<void()> work) { runtime_.loop().post(std::move(work)); }

  prometheus_metrics& metrics() { return metrics_; }
  node<server_types>& replica() { return *node_; }
  instant now() const { return runtime_.now(); }

 private:
  /// What the node does not log by itself; on the loop.
  void log_events(event_stream& stream) {
    for (const auto& event : stream.take()) {
      if (const auto* members = std::get_if<members_changed>(&event)) {
        logger_.log(log_level::info, "server", "the members have changed",
                    {{"index", members->index.value()},
                     {"voters", std::uint64_t{members->now.voters.size()}},
                     {"learners", std::uint64_t{members->now.learners.size()}},
                     {"joint", members->now.is_joint()}});
      } else if (const auto* missed = std::get_if<events_missed>(&event)) {
        logger_.log(log_level::warning, "server", "events of the node were not logged",
                    {{"count", missed->count}});
      }
    }
  }

  cluster_id cluster_;
  asio_runtime runtime_;
  logger_ref logger_;
  prometheus_metrics metrics_;
  std::shared_ptr<peer_identities> identities_;
  opened_storage storage_;
  server_types::network_client_type client_;
  server_types::network_server_type server_;
  host<server_types> host_;
  std::optional<node<server_types>> node_;
  std::shared_ptr<event_stream> events_;
  bool stopped_ = false;

  std::mutex last_mutex_;
  status_report last_;  // guarded by last_mutex_
};

result<std::unique_ptr<node_gateway>> node_gateway::open(
    const server_config& config, logger_ref logger, std::function<void(const error&)> stopped) {
  const std::uint64_t seed = asio_runtime::random_seed();
  auto storage = open_storage(config, seed, logger);
  if (!storage) return std::unexpected(storage.error());
  const auto network = network_options(config, *storage, seed);
  if (!network) return std::unexpected(network.error());

  auto inside = std::make_unique<implementation>(config, *std::move(storage), *network, logger);
  if (auto ok = inside->start(config, std::move(stopped)); !ok) {
    return std::unexpected(ok.error());
  }
  return std::unique_ptr<node_gateway>(new node_gateway(std::move(inside)));
}

node_gateway::node_gateway(std::unique_ptr<implementation> inside) : inside_(std::move(inside)) {}
node_gateway::~node_gateway() = default;

void node_gateway::submit(std::vector<shared_bytes> commands, instant deadline,
                          outcomes_handler done) {
  inside_->replica().submit_batch(std::move(commands), {.deadline = deadline}, std::move(done));
}

void node_gateway::submit_session_requests(std::vector<shared_bytes> requests, instant deadline,
                                           outcomes_handler done) {
  inside_->replica().submit_session_requests(std::move(requests), {.deadline = deadline},
                                             std::move(done));
}

void node_gateway::query(std::vector<shared_bytes> requests, const read_terms& terms,
                         instant deadline, outcomes_handler done) {
  inside_->replica().query_batch(std::move(requests),
                                 {.deadline = deadline,
                                  .level = level_of(terms.level),
                                  .max_age = terms.max_age,
                                  .least = terms.least},
                                 std::move(done));
}

log_index node_gateway::token() const { return inside_->replica().token(); }

void node_gateway::save_snapshot(std::function<void(const result<snapshot_report>&)> done) {
  inside_->replica().save_snapshot([done = std::move(done)](const result<core::snapshot>& saved) {
    if (!saved) return done(std::unexpected(saved.error()));
    const auto& id = saved->id;
    done(snapshot_report{id.last_included_index, id.last_included_term, id.size});
  });
}

void node_gateway::members(std::function<void(const membership_outcome&)> done) {
  inside_->with_status([done = std::move(done)](const node_status& s) {
    done(membership_result{s.configuration, s.configuration_index, {}});
  });
}

void node_gateway::join(core::member newcomer, const std::string& credential, instant deadline,
                        std::function<void(const membership_outcome&)> done) {
  inside_->post([inside = inside_.get(), newcomer = std::move(newcomer), credential, deadline,
                 done = std::move(done)] { inside->join(newcomer, credential, deadline, done); });
}

void node_gateway::change_members(membership_request request, instant deadline,
                                  std::function<void(const membership_outcome&)> done) {
  inside_->replica().change_members(std::move(request), deadline, std::move(done));
}

void node_gateway::transfer(node_id to, instant deadline,
                            std::function<void(const result<node_id>&)> done) {
  inside_->replica().transfer(to, deadline, std::move(done));
}

void node_gateway::make_way(duration patience) {
  const auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  // Shared, because the node may answer, or drop the question, after this call has given up.
  inside_->replica().make_way(now() + patience, [done](const result<void>&) { done->set_value(); });
  future.wait_for(patience + status_patience);
}

status_report node_gateway::status() { return inside_->status(); }
cluster_id node_gateway::identity() const { return inside_->cluster(); }
instant node_gateway::now() const { return inside_->now(); }
prometheus_metrics& node_gateway::metrics() { return inside_->metrics(); }
void node_gateway::stop() { inside_->stop(); }

}  // namespace mainstay::server
