/// The smallest program: a counter on three nodes. Start it three times, with 1, 2 and 3, and type
/// numbers into any of them.
#include <cstdlib>
#include <iostream>

#include "mainstay/mainstay.hpp"

using mainstay::result;
using mainstay::shared_bytes;

struct counter {
  long total = 0;

  result<shared_bytes> apply(const mainstay::applied_command& command) {
    total += std::atol(std::string(command.payload.text()).c_str());
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<void> save(const mainstay::snapshot_writer& write) {
    return write(std::as_bytes(std::span(&total, 1)));
  }
  result<void> restore(const mainstay::snapshot_reader& read) {
    const auto length = read(std::as_writable_bytes(std::span(&total, 1)));
    return length ? result<void>{} : std::unexpected(length.error());
  }
};

int main(int count, char** arguments) {
  if (count != 2) return std::cerr << "usage: counter 1|2|3\n", 2;
  const std::string id = arguments[1];
  auto node = mainstay::instance<counter>::open(
      {.id = std::strtoul(id.c_str(), nullptr, 10),
       .directory = "counter-" + id,
       .members = "1=127.0.0.1:7101,2=127.0.0.1:7102,3=127.0.0.1:7103"},
      counter{});
  if (!node) return std::cerr << node.error().message << '\n', 1;

  for (std::string number; std::getline(std::cin, number);) {
    auto total = (*node)->submit(shared_bytes::copy_of(number),
                                 {.deadline = (*node)->in(std::chrono::seconds(5))},
                                 boost::asio::use_future);
    const auto outcome = total.get();
    std::cout << (outcome ? outcome->text() : outcome.error().message) << '\n' << std::flush;
  }
}
