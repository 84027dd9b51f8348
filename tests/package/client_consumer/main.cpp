/// A project of its own that counts through the installed client, on a server of a few lines that
/// hangs up once, after it has counted and before it has said so. Its exit status says whether the
/// client tried again, and whether that was counted once.
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "mainstay/client/client.hpp"

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

/// A session that remembers its answers, as mainstayd's do.
class one_session_server {
 public:
  std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  int count() const { return count_; }

  /// Serves so many connections, one after the other.
  void serve(int connections) {
    for (; connections > 0; --connections) {
      tcp::iostream stream;
      acceptor_.accept(stream.socket());
      std::vector<std::string> words;
      while (read_command(stream, words)) {
        const std::string reply = answer(words);
        if (reply.empty()) break;
        stream << reply << std::flush;
      }
    }
  }

 private:
  static bool read_command(std::istream& in, std::vector<std::string>& words) {
    std::string line;
    if (!std::getline(in, line)) return false;
    words.resize(std::stoul(line.substr(1)));
    for (auto& word : words) {
      std::getline(in, line);
      word.resize(std::stoul(line.substr(1)));
      in.read(word.data(), static_cast<std::streamsize>(word.size()));
      std::getline(in, line);
    }
    return bool(in);
  }

  /// Empty: it hangs up.
  std::string answer(const std::vector<std::string>& words) {
    if (words[0] != "MAINSTAY") return "$11\r\nrole:master\r\n";
    if (words[2] == "OPEN") return ":7\r\n";
    if (words[2] == "USE") return "+OK\r\n";
    const auto [known, is_new] = answers_.try_emplace(words[3].substr(0, words[3].find('/')));
    if (is_new) known->second = ":" + std::to_string(++count_) + "\r\n";
    return is_new && count_ == 2 ? "" : known->second;
  }

  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::map<std::string, std::string> answers_;  // by serial
  int count_ = 0;
};

}  // namespace

int main() {
  one_session_server server;
  std::thread serving([&] { server.serve(2); });
  long long last = 0;
  {
    auto client = mainstay::client::open({.nodes = {server.address()}});
    if (!client) return 1;
    for (int i = 0; i < 3; ++i) {
      const auto answer = client->call({"INCR", "n"}, 20s);
      if (answer.outcome == mainstay::call_outcome::done) last = answer.reply.number;
    }
  }
  serving.join();
  return last == 3 && server.count() == 3 ? 0 : 2;
}
