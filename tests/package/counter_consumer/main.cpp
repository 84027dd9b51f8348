/// A project of its own that counts on a single node of the installed library, with its log on
/// disk. Its exit status says whether that worked.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <stdlib.h>

#include "mainstay/mainstay.hpp"

using mainstay::result;
using mainstay::shared_bytes;

namespace {

struct counter {
  std::uint64_t count = 0;

  result<shared_bytes> apply(const mainstay::applied_command&) {
    return shared_bytes::copy_of(std::to_string(++count));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(count));
  }
  result<void> save(const mainstay::snapshot_writer& write) {
    return write(std::as_bytes(std::span(&count, 1)));
  }
  result<void> restore(const mainstay::snapshot_reader& read) {
    const auto length = read(std::as_writable_bytes(std::span(&count, 1)));
    return length ? result<void>{} : std::unexpected(length.error());
  }
};

std::string free_address() {
  boost::asio::io_context context;
  const boost::asio::ip::tcp::acceptor probe(context, {boost::asio::ip::address_v4::loopback(), 0});
  return "127.0.0.1:" + std::to_string(probe.local_endpoint().port());
}

/// Counts once more on the log in `directory`; gives the count.
std::string count_once(const std::string& directory, const std::string& members) {
  auto node = mainstay::instance<counter>::open(
      {.id = 1, .directory = directory, .members = members}, counter{});
  if (!node) return node.error().message;
  const auto deadline = (*node)->in(std::chrono::seconds(20));
  while (true) {
    auto answer = (*node)->submit(shared_bytes::copy_of("+"), {.deadline = deadline},
                                  boost::asio::use_future);
    const auto outcome = answer.get();
    if (outcome) return std::string(outcome->text());
    const bool elects = outcome.error().code == mainstay::error_code::not_leader;
    if (!elects || (*node)->in({}) > deadline) return outcome.error().message;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

int main() {
  std::string directory = std::filesystem::temp_directory_path() / "mainstay-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const std::string members = "1=" + free_address();
  const bool counted = count_once(directory + "/log", members) == "1" &&
                       count_once(directory + "/log", members) == "2";
  std::filesystem::remove_all(directory);
  return counted ? 0 : 2;
}
