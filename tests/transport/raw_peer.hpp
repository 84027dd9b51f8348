/// One end of a connection in a test's own hands: it sends whatever bytes the test wants, and keeps
/// the frames that come back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "mainstay/transport/tcp/address.hpp"
#include "mainstay/transport/tcp/frame_reader.hpp"
#include "mainstay/transport/tcp/handshake.hpp"

#include "tests/transport/tcp_world.hpp"

namespace mainstay::testing_tcp {

/// A frame's bytes, checksum and all.
inline std::string frame_text(tcp::frame_header header, const shared_bytes& body) {
  header.length = static_cast<std::uint32_t>(body.size());
  const auto bytes = tcp::encode(header, std::span(&body, 1));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) +
         std::string(body.text());
}

inline std::string frame_text(tcp::frame_kind kind, const shared_bytes& body,
                              std::uint64_t call = 0) {
  return frame_text({.kind = kind, .call = call}, body);
}

/// What node 1 says to node 2.
inline tcp::greeting usual_greeting() {
  return {1, 1, cluster_id(9), node_id(1), node_id(2), incarnation(101), 1 << 20, "binary"};
}

inline std::string hello_text(const tcp::greeting& g) {
  return frame_text(tcp::frame_kind::hello, tcp::encode(g));
}

inline std::string request_text(std::uint64_t call, const rpc_request& request) {
  return frame_text(tcp::frame_kind::request, binary_serializer().encode(request).joined(), call);
}

/// Runs on the loop of the test. The object must stay where it is.
class raw_peer {
 public:
  using socket = boost::asio::ip::tcp::socket;

  explicit raw_peer(socket connected) : socket_(std::move(connected)) { begin(); }
  raw_peer(boost::asio::io_context& io, const std::string& address) : socket_(io) {
    const auto parsed = tcp::parse_address(address);
    socket_.connect({boost::asio::ip::make_address(parsed->host), parsed->port});
    begin();
  }
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  /// Writes all of it; a connection that was closed swallows it.
  void write(const std::string& bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  void close() { socket_.close(); }

  bool closed() const { return state_->closed; }
  const std::vector<tcp::frame>& frames() const { return state_->frames; }
  /// The reason of the refusal that came last, if one came.
  std::optional<tcp::refusal> refusal() const {
    if (frames().empty() || frames().back().header.kind != tcp::frame_kind::refusal) return {};
    const auto reason = tcp::decode_refusal(frames().back().body.span());
    return reason ? std::optional(*reason) : std::nullopt;
  }

 private:
  struct state {
    tcp::frame_reader reader;
    std::vector<tcp::frame> frames;
    bool closed = false;
  };

  void begin() {
    state_->reader.open_up(16 << 20, 64 << 10);
    read();
  }
  void read() {
    const auto room = state_->reader.room();
    socket_.async_read_some(
        boost::asio::buffer(room.data(), room.size()),
        [this, kept = state_](const boost::system::error_code& failure, std::size_t n) {
          if (failure) {
            kept->closed = true;
            return;
          }
          kept->reader.received(n);
          while (auto next = *kept->reader.next()) {
            kept->frames.push_back(std::move(*next));
          }
          read();
        });
  }

  socket socket_;
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

}  // namespace mainstay::testing_tcp
