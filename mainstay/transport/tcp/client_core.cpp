#include "mainstay/transport/tcp/client_core.hpp"

#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace mainstay {

namespace tcp {

void deferred_calls::add(call_done done, error why) {
  calls_.emplace_back(std::move(done), std::move(why));
  if (calls_.size() > 1) return;
  boost::asio::post(io_, [self = shared_from_this()] { self->run(); });
}

void deferred_calls::run() {
  for (auto& [done, why] : std::exchange(calls_, {})) done(std::unexpected(std::move(why)));
}

void client_core::add_peer(node_id peer, const std::string& address) {
  if (stopped_) return;
  const auto at = links_.find(peer);
  if (at != links_.end() && at->second->address() == address) return at->second->meet();
  remove_peer(peer);
  const auto link = std::make_shared<peer_link>(context_, peer, address);
  links_.insert_or_assign(peer, link);
  link->meet();
}

void client_core::remove_peer(node_id peer) {
  auto removed = links_.extract(peer);
  if (removed.empty()) return;
  removed.mapped()->stop(
      {error_code::disconnected, fmt::format("node {} or its address was removed", peer.value())});
}

void client_core::call(node_id peer, outgoing_call call) {
  ++context_->counters.calls;
  const auto at = links_.find(peer);
  if (at != links_.end()) return at->second->call(std::move(call));
  auto why = stopped_ ? error{error_code::shutting_down, "the client stopped"}
                      : error{error_code::unreachable,
                              fmt::format("no address is known for node {}", peer.value())};
  context_->deferred->add(std::move(call.done), std::move(why));
}

void client_core::stop() {
  stopped_ = true;
  for (auto& [peer, link] : std::exchange(links_, {})) {
    link->stop({error_code::shutting_down, "the client stopped"});
  }
  context_->deferred->run();
}

client_base::client_base(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
                         rpc_codec codec) {
  const random_generator random(options->random_seed);
  core_ = std::make_shared<client_core>(
      std::make_shared<client_context>(client_context{io,
                                                      std::move(options),
                                                      logger,
                                                      std::move(codec),
                                                      random,
                                                      std::make_shared<deferred_calls>(io),
                                                      {}}));
}

client_base::~client_base() { core_->stop(); }

void client_base::add_peer(node_id peer, const std::string& address) {
  core_->add_peer(peer, address);
}

void client_base::remove_peer(node_id peer) { core_->remove_peer(peer); }

void client_base::call(node_id peer, group_id group, rpc_request request, instant deadline,
                       call_done done) {
  core_->call(peer, {group, std::move(request), deadline, std::move(done)});
}

void client_base::stop() {
  // Held while completions run.
  const auto core = core_;
  core->stop();
}

const tcp_client_counters& client_base::counters() const { return core_->counters(); }

}  // namespace tcp

}  // namespace mainstay
