/// The seam of the network (R3): calls to peers, and calls from them. Adapters live in
/// mainstay/transport; each passes tests/conformance/network.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay {

/// Completes one call, exactly once, on the loop. Errors: `unreachable` (surely not delivered),
/// `timed_out` and `disconnected` (perhaps delivered), `malformed`, `overloaded` (too much in
/// flight; not sent), `invalid_argument` (larger than a frame may be; not sent), `shutting_down`.
using call_done = std::move_only_function<void(result<rpc_response>)>;

/// Answers one incoming request, at most once, from the loop. Dropping it without a call closes
/// the request without an answer: the caller's deadline tells it.
using responder = std::move_only_function<void(rpc_response)>;

/// Receives requests, on the loop, in the order each peer sent them.
using request_handler =
    std::move_only_function<void(node_id from, group_id group, rpc_request request, responder)>;

/// Calls to peers. All functions are called on the loop.
///
/// Order: calls to one peer arrive in the order made, as long as the connection lives. Many may be
/// in flight. Completions never run inside `call`. A call is handed on at most once: a transport
/// whose packets can be repeated sorts the repetitions out, because commands that are forwarded
/// twice are carried out twice.
template <class Client>
concept network_client =
    requires(Client client, node_id peer, const std::string& address, group_id group,
             rpc_request request, instant deadline, call_done done) {
      /// Tells where a peer is reached; replaces the address known before. With the same address
      /// nothing is disturbed.
      client.add_peer(peer, address);
      /// Forgets a peer; its calls in flight complete with `disconnected`.
      client.remove_peer(peer);
      client.call(peer, group, std::move(request), deadline, std::move(done));
      /// Completes every call in flight with `shutting_down` and closes all connections.
      client.stop();
    };

/// Calls from peers. All functions are called on the loop.
template <class Server>
concept network_server = requires(Server server, request_handler handler) {
  /// Starts listening. Errors: `io_failed` (address in use, …).
  { server.start(std::move(handler)) } -> std::same_as<result<void>>;
  /// Stops listening and closes all connections; no request is handed on after it returns.
  server.stop();
};

}  // namespace mainstay
