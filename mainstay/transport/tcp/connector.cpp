#include "mainstay/transport/tcp/connector.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "mainstay/transport/tcp/address.hpp"

namespace mainstay::tcp {

namespace {

using boost::asio::ip::tcp;

std::unexpected<error> unreachable(std::string why) {
  return fail(error_code::unreachable, std::move(why));
}

}  // namespace

result<void> check_plaintext(const tcp::endpoint& endpoint, bool allow_beyond) {
  if (allow_beyond || endpoint.address().is_loopback()) return {};
  return fail(error_code::invalid_argument,
              fmt::format("{} is not on loopback, and this transport neither encrypts nor "
                          "authenticates: allow it with --insecure",
                          to_text({endpoint.address().to_string(), endpoint.port()})));
}

void connector::start(const std::string& address, bool allow_beyond_loopback, connected done) {
  done_ = std::move(done);
  boost::asio::post(io_, [self = shared_from_this(), address, allow_beyond_loopback] {
    if (self->done_) self->resolve(address, allow_beyond_loopback);
  });
}

void connector::resolve(const std::string& address, bool allow_beyond_loopback) {
  const auto parsed = parse_address(address);
  if (!parsed) return finish(unreachable('"' + address + "\" is not of the form host:port"));
  boost::system::error_code no_number;
  const auto number = boost::asio::ip::make_address(parsed->host, no_number);
  if (!no_number) return connect({tcp::endpoint(number, parsed->port)}, allow_beyond_loopback);
  resolver_.async_resolve(
      parsed->host, std::to_string(parsed->port),
      [self = shared_from_this(), address, allow_beyond_loopback](
          const boost::system::error_code& failure, const tcp::resolver::results_type& results) {
        if (failure) {
          return self->finish(unreachable(
              fmt::format("\"{}\" cannot be resolved: {}", address, failure.message())));
        }
        endpoints found;
        for (const auto& r : results) found.push_back(r.endpoint());
        self->connect(std::move(found), allow_beyond_loopback);
      });
}

void connector::connect(endpoints found, bool allow_beyond_loopback) {
  if (!done_) return;
  for (const auto& endpoint : found) {
    if (auto allowed = check_plaintext(endpoint, allow_beyond_loopback); !allowed) {
      return finish(unreachable(std::move(allowed.error().message)));
    }
  }
  auto targets = std::make_shared<endpoints>(std::move(found));
  boost::asio::async_connect(
      socket_, *targets,
      [self = shared_from_this(), targets](const boost::system::error_code& failure,
                                           const tcp::endpoint&) {
        if (failure) return self->finish(unreachable("connecting failed: " + failure.message()));
        self->finish(std::move(self->socket_));
      });
}

void connector::cancel() {
  done_ = nullptr;
  resolver_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void connector::finish(result<socket> outcome) {
  if (!done_) return;
  auto done = std::exchange(done_, nullptr);
  done(std::move(outcome));
}

}  // namespace mainstay::tcp
