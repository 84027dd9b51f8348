/// Counts in a cluster of mainstayd nodes, each number exactly once, whoever dies meanwhile.
/// count_once KEY TIMES HOST:PORT…
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "mainstay/client/client.hpp"

using namespace std::chrono_literals;

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "count_once KEY TIMES HOST:PORT…\n";
    return 2;
  }
  auto opened = mainstay::client::open({.nodes = {arguments + 3, arguments + count}});
  if (!opened) {
    std::cerr << opened.error().message << '\n';
    return 2;
  }
  auto& client = *opened;
  long long last = 0;
  for (int left = std::atoi(arguments[2]); left > 0; --left) {
    // Tried until it is answered; the session sees to it that it is counted once.
    const auto answer = client.call({"INCR", arguments[1]}, 60s);
    switch (answer.outcome) {
      case mainstay::call_outcome::done:
        last = answer.reply.number;
        break;
      case mainstay::call_outcome::refused:
        std::cerr << "certainly not counted: " << answer.reason << '\n';
        return 1;
      case mainstay::call_outcome::unknown:
        std::cerr << "perhaps counted: " << answer.reason << '\n';
        return 1;
    }
  }
  std::cout << last << '\n';
}
