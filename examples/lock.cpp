/// A lock on three nodes. Start it three times, with 1, 2 and 3, each of them an owner: "lock NAME"
/// asks for a lock for ten seconds and waits in its queue, "unlock NAME" gives it up. What the lock
/// protects is to refuse a smaller token than it has seen.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "mainstay/machines/distributed_lock/distributed_lock.hpp"
#include "mainstay/mainstay.hpp"

using mainstay::distributed_lock;

/// What the answer to a command says.
std::string told(bool locks, const mainstay::command_outcome& answer) {
  if (!answer) return answer.error().message;
  if (!locks)
    return distributed_lock::released_in(*answer).value_or(false) ? "given up" : "not held";
  const auto got = distributed_lock::grant_in(*answer);
  if (!got) return got.error().message;
  if (got->token != 0) return "held, with token " + std::to_string(got->token);
  return "in the queue, at place " + std::to_string(got->place);
}

int main(int count, char** arguments) {
  if (count != 2) return std::cerr << "usage: lock 1|2|3\n", 2;
  const std::string id = arguments[1];
  auto node = mainstay::instance<distributed_lock>::open(
      {.id = std::strtoul(id.c_str(), nullptr, 10),
       .directory = "lock-" + id,
       .members = "1=127.0.0.1:7131,2=127.0.0.1:7132,3=127.0.0.1:7133"},
      distributed_lock{});
  if (!node) return std::cerr << node.error().message << '\n', 1;

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    std::string name;
    words >> verb >> name;
    const bool locks = verb == "lock";
    auto answer = (*node)->submit(locks ? distributed_lock::acquire(name, id, 10'000, true)
                                        : distributed_lock::release(name, id),
                                  {.deadline = (*node)->in(std::chrono::seconds(5))},
                                  boost::asio::use_future);
    std::cout << told(locks, answer.get()) << '\n' << std::flush;
  }
}
