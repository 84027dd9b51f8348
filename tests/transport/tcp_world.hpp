/// A loop, options and a remembering logger for the tests of the TCP transport. Everything runs on
/// the test's own thread, over loopback, on ports that the system gives.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/transport/tcp/alarm.hpp"
#include "mainstay/transport/tcp/tcp_client.hpp"
#include "mainstay/transport/tcp/tcp_server.hpp"

namespace mainstay::testing_tcp {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

using client = tcp_client<binary_serializer>;
using server = tcp_server<binary_serializer>;

/// Keeps events as lines: "event name=text …".
class remembering_logger {
 public:
  bool enabled(log_level) const { return true; }
  void log(log_level level, std::string_view, std::string_view event,
           std::span<const log_field> fields) {
    std::string line(event);
    for (const auto& field : fields) {
      if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        line += " " + std::string(field.name) + "=" + std::string(*text);
      }
    }
    if (level == log_level::error) errors.push_back(line);
    lines.push_back(std::move(line));
  }
  /// How many lines have `part` in them.
  std::size_t count(std::string_view part) const {
    std::size_t found = 0;
    for (const auto& line : lines) found += line.find(part) != std::string::npos ? 1 : 0;
    return found;
  }

  std::vector<std::string> lines;
  std::vector<std::string> errors;  ///< those of the lines that are errors
};

/// The loop of one test.
class loop {
 public:
  /// Runs handlers until `condition` holds; false when it does not within ten seconds.
  bool run_until(const std::function<bool()>& condition) {
    const auto give_up = tcp::now() + 10s;
    while (!condition()) {
      if (tcp::now() >= give_up) return false;
      io.restart();
      io.run_one_for(1ms);
    }
    return true;
  }
  /// Runs handlers for a while.
  void run_for(duration span) {
    const auto end = tcp::now() + span;
    (void)run_until([end] { return tcp::now() >= end; });
  }

  boost::asio::io_context io;
};

/// Options of node `self` in cluster 9, whose disk incarnation is 100 + `self`.
inline tcp_options options_of(std::uint64_t self) {
  tcp_options options;
  options.cluster = cluster_id(9);
  options.self = node_id(self);
  options.disk = incarnation(100 + self);
  options.listen_address = "127.0.0.1:0";
  return options;
}

/// An address on loopback where nobody listens.
inline std::string dead_address(boost::asio::io_context& io) {
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
}

}  // namespace mainstay::testing_tcp
