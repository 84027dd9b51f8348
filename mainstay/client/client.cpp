#include "mainstay/client/client.hpp"

#include <array>
#include <future>
#include <map>
#include <thread>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace mainstay {

namespace {

using boost::asio::ip::tcp;
using failure_code = boost::system::error_code;

instant current() { return instant(std::chrono::steady_clock::now().time_since_epoch()); }

/// One connection; a new one for each attempt, so that what comes late finds nobody.
struct link {
  explicit link(boost::asio::io_context& io) : resolver(io), socket(io) {}
  tcp::resolver resolver;
  tcp::socket socket;
  std::array<char, 16 * 1024> received{};
  std::string sending;
  std::string waiting;
};

}  // namespace

/// Everything but the constructor, the destructor and `submit` is the thread's alone.
class client::implementation {
 public:
  explicit implementation(client_options options)
      : options_(std::move(options)),
        exchange_(options_.limits, options_.nodes.size()),
        timer_(io_),
        work_(io_.get_executor()),
        thread_([this] { io_.run(); }) {}
  ~implementation() {
    boost::asio::post(io_, [this] {
      exchange_.abandon();
      carry_out();
      close();
      timer_.cancel();
      work_.reset();
    });
    thread_.join();
  }

  void submit(std::vector<std::string> command, bool is_read, duration timeout, handler done) {
    auto begin = [this, command = std::move(command), is_read, deadline = current() + timeout,
                  done = std::move(done)]() mutable {
      const std::uint64_t ticket = ++last_ticket_;
      handlers_.emplace(ticket, std::move(done));
      exchange_.submit(ticket, std::move(command), is_read, deadline);
      step();
    };
    boost::asio::post(io_, std::move(begin));
  }

 private:
  void step() {
    exchange_.advance(current());
    carry_out();
  }

  void carry_out() {
    auto todo = exchange_.take();
    if (todo.disconnect) close();
    if (todo.connect_to) connect(options_.nodes[*todo.connect_to]);
    if (!todo.bytes.empty() && link_) {
      link_->waiting += todo.bytes;
      send();
    }
    for (auto& [ticket, what] : todo.completed) {
      auto node = handlers_.extract(ticket);
      node.mapped()(std::move(what));
    }
    arm();
  }

  void arm() {
    const instant next = exchange_.next_deadline();
    if (next == instant::max()) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point(next.time_since_epoch()));
    timer_.async_wait([this](failure_code failed) {
      if (!failed) step();
    });
  }

  void close() {
    if (!link_) return;
    failure_code ignored;
    link_->resolver.cancel();
    link_->socket.close(ignored);
    link_.reset();
  }

  /// Ends a link that failed, unless it was left before.
  void lose(const std::shared_ptr<link>& one) {
    if (one != link_) return;
    close();
    exchange_.lost(current());
    step();
  }

  void connect(const std::string& node) {
    close();
    link_ = std::make_shared<link>(io_);
    const auto colon = node.rfind(':');
    link_->resolver.async_resolve(
        node.substr(0, colon), node.substr(colon + 1),
        [this, one = link_](failure_code failed, const tcp::resolver::results_type& found) {
          if (failed) return lose(one);
          if (one != link_) return;
          boost::asio::async_connect(one->socket, found,
                                     [this, one](failure_code refused, const tcp::endpoint&) {
                                       refused ? lose(one) : begin(one);
                                     });
        });
  }

  void begin(const std::shared_ptr<link>& one) {
    if (one != link_) return;
    failure_code ignored;
    one->socket.set_option(tcp::no_delay(true), ignored);
    receive(one);
    exchange_.connected(current());
    step();
  }

  void receive(const std::shared_ptr<link>& one) {
    one->socket.async_read_some(boost::asio::buffer(one->received),
                                [this, one](failure_code failed, std::size_t size) {
                                  if (failed) return lose(one);
                                  if (one != link_) return;
                                  exchange_.received({one->received.data(), size}, current());
                                  step();
                                  if (one == link_) receive(one);
                                });
  }

  void send() {
    const auto one = link_;
    if (!one->sending.empty() || one->waiting.empty()) return;
    std::swap(one->sending, one->waiting);
    boost::asio::async_write(one->socket, boost::asio::buffer(one->sending),
                             [this, one](failure_code failed, std::size_t) {
                               one->sending.clear();
                               if (failed) return lose(one);
                               if (one == link_) send();
                             });
  }

  client_options options_;
  detail::exchange exchange_;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, handler> handlers_;
  std::shared_ptr<link> link_;
  boost::asio::io_context io_;
  boost::asio::steady_timer timer_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

namespace {

/// Runs something with a handler, and waits until that was called.
template <class Start>
call_result wait_for(Start start) {
  std::promise<call_result> promise;
  start([&promise](call_result what) { promise.set_value(std::move(what)); });
  return promise.get_future().get();
}

}  // namespace

result<client> client::open(client_options options) {
  if (options.nodes.empty()) return fail(error_code::invalid_argument, "nodes must not be empty");
  for (const auto& node : options.nodes) {
    const auto colon = node.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == node.size()) {
      return fail(error_code::invalid_argument, "nodes: \"" + node + "\" is no host:port");
    }
  }
  if (options.limits.window == 0) {
    return fail(error_code::invalid_argument, "limits.window must not be 0");
  }
  if (options.limits.attempt <= duration{} || options.limits.pause < duration{}) {
    return fail(error_code::invalid_argument, "limits: times must be above 0");
  }
  return client(std::make_unique<implementation>(std::move(options)));
}

client::client(std::unique_ptr<implementation> inside) : inside_(std::move(inside)) {}
client::client(client&&) noexcept = default;
client::~client() = default;

void client::call(std::vector<std::string> command, duration timeout, handler done) {
  inside_->submit(std::move(command), false, timeout, std::move(done));
}
call_result client::call(std::vector<std::string> command, duration timeout) {
  return wait_for([&](handler done) { call(std::move(command), timeout, std::move(done)); });
}
void client::read(std::vector<std::string> command, duration timeout, handler done) {
  inside_->submit(std::move(command), true, timeout, std::move(done));
}
call_result client::read(std::vector<std::string> command, duration timeout) {
  return wait_for([&](handler done) { read(std::move(command), timeout, std::move(done)); });
}

}  // namespace mainstay
