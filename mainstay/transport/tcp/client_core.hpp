/// The inside of tcp_client: the links to all peers, whatever the serializer. Private to the
/// transport: brings in Boost.Asio.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "mainstay/transport/tcp/client_context.hpp"
#include "mainstay/transport/tcp/peer_link.hpp"

namespace mainstay::tcp {

/// Finds the link for each call. For the loop only.
class client_core {
 public:
  explicit client_core(std::shared_ptr<client_context> context) : context_(std::move(context)) {}

  void add_peer(node_id peer, const std::string& address);
  void remove_peer(node_id peer);
  void call(node_id peer, outgoing_call call);
  void stop();
  const tcp_client_counters& counters() const { return context_->counters; }

 private:
  std::shared_ptr<client_context> context_;
  std::unordered_map<node_id, std::shared_ptr<peer_link>> links_;
  bool stopped_ = false;
};

}  // namespace mainstay::tcp
