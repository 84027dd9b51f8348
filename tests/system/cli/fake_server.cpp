/// A poll loop with blocking writes: enough for tests, whose answers are small.
#include "tests/system/cli/fake_server.hpp"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mainstay/base/assert.hpp"

#include "cli/resp_reply.hpp"

namespace mainstay::cli {

fake_server::fake_server(behaviour behave)
    : behave_(std::move(behave)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(any);
  auto* const address = reinterpret_cast<sockaddr*>(&any);
  MAINSTAY_ASSERT(bind(listener_, address, length) == 0);
  MAINSTAY_ASSERT(listen(listener_, 64) == 0);
  MAINSTAY_ASSERT(getsockname(listener_, address, &length) == 0);
  port_ = ntohs(any.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stopped) { serve(stopped); });
}

fake_server::~fake_server() {
  thread_.request_stop();
  thread_.join();
  while (!clients_.empty()) drop(clients_.begin()->first);
  close(listener_);
}

fake_server::behaviour fake_server::answering(
    std::function<std::string(const std::vector<std::string>&)> answer) {
  return [answer = std::move(answer)](std::map<int, client>& clients) {
    std::map<int, std::string> replies;
    for (auto& [number, c] : clients) {
      for (const auto& command : std::exchange(c.unanswered, {})) {
        replies[number] += answer(command);
      }
    }
    return replies;
  };
}

std::string fake_server::address() const { return "127.0.0.1:" + std::to_string(port_); }

void fake_server::serve(const std::stop_token& stopped) {
  while (!stopped.stop_requested()) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
    for (const auto& [descriptor, c] : clients_) waiting.push_back({descriptor, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), 10) <= 0) continue;
    if (waiting[0].revents != 0) accept_one();
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0 && !read_from(waiting[i].fd)) drop(waiting[i].fd);
    }
    answer_all();
  }
}

void fake_server::accept_one() {
  const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor >= 0) clients_[descriptor] = {};
}

bool fake_server::read_from(int descriptor) {
  std::array<char, 65536> buffer;
  const auto count = recv(descriptor, buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  auto& bytes = unparsed_[descriptor];
  bytes.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t done = 0;
  while (done < bytes.size()) {
    // A command has the form of a reply: an array of strings.
    const auto command = parse_reply(std::string_view(bytes).substr(done));
    if (!command) return false;
    if (command->consumed == 0) break;
    done += command->consumed;
    std::vector<std::string> arguments;
    for (const auto& element : command->reply.elements) arguments.push_back(element.text);
    clients_[descriptor].unanswered.push_back(std::move(arguments));
    ++received_;
  }
  bytes.erase(0, done);
  return true;
}

void fake_server::answer_all() {
  for (const auto& [descriptor, bytes] : behave_(clients_)) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto count = send(descriptor, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
  }
  std::vector<int> to_close;
  for (const auto& [descriptor, c] : clients_) {
    if (c.close) to_close.push_back(descriptor);
  }
  for (const int descriptor : to_close) drop(descriptor);
}

void fake_server::drop(int descriptor) {
  clients_.erase(descriptor);
  unparsed_.erase(descriptor);
  close(descriptor);
}

}  // namespace mainstay::cli
