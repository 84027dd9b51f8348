/// A RESP server for tests, on a port of the system's choice: what it answers is up to the test. It
/// stores nothing and knows no commands.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace mainstay::cli {

/// Serves from construction to destruction, on a thread of its own.
class fake_server {
 public:
  /// One connection's commands, oldest first, that have no reply yet.
  struct client {
    std::vector<std::vector<std::string>> unanswered;
    bool close = false;  ///< set it to close the connection after the replies
  };
  /// Called whenever commands have arrived, with all clients by number: take commands out of
  /// `unanswered` and give the bytes to send for each client.
  using behaviour = std::function<std::map<int, std::string>(std::map<int, client>& clients)>;

  explicit fake_server(behaviour behave);
  /// A server that answers each command at once.
  static behaviour answering(std::function<std::string(const std::vector<std::string>&)> answer);
  fake_server(const fake_server&) = delete;
  fake_server& operator=(const fake_server&) = delete;
  ~fake_server();

  /// "127.0.0.1:port".
  std::string address() const;
  /// Commands that have arrived so far.
  std::uint64_t received() const { return received_; }

 private:
  void serve(const std::stop_token& stopped);
  void accept_one();
  bool read_from(int descriptor);
  void answer_all();
  void drop(int descriptor);

  behaviour behave_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> received_{0};
  std::map<int, client> clients_;        // the thread's own, by descriptor
  std::map<int, std::string> unparsed_;  // likewise
  std::jthread thread_;
};

}  // namespace mainstay::cli
