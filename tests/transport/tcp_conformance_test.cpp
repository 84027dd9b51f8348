/// The TCP transport against the contract of the network's seam.
#include <gtest/gtest.h>

#include "tests/conformance/network.hpp"
#include "tests/transport/tcp_world.hpp"

namespace mainstay::conformance {
namespace {

static_assert(network_client<testing_tcp::client>);
static_assert(network_server<testing_tcp::server>);

class tcp_network_world {
 public:
  tcp_network_world()
      : client_(loop_.io, *check(testing_tcp::options_of(1))),
        server_(loop_.io, *check(testing_tcp::options_of(2))) {
    client_.add_peer(dead_peer(), testing_tcp::dead_address(loop_.io));
  }

  testing_tcp::client& client() { return client_; }
  testing_tcp::server& server() { return server_; }
  void start(request_handler handler) {
    ASSERT_TRUE(server_.start(std::move(handler)));
    client_.add_peer(network_server_id, server_.local_address());
  }
  bool run_until(const std::function<bool()>& condition) { return loop_.run_until(condition); }
  instant deadline_in(duration span) const { return tcp::now() + span; }
  node_id dead_peer() const { return node_id(3); }

 private:
  testing_tcp::loop loop_;
  testing_tcp::client client_;
  testing_tcp::server server_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Tcp, Network, tcp_network_world);

}  // namespace
}  // namespace mainstay::conformance
