/// One value that three nodes agree on. Start it three times, with 1, 2 and 3, and say to any of
/// them: get, set VALUE, or swap EXPECTED VALUE.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "mainstay/machines/atomic_register/atomic_register.hpp"
#include "mainstay/mainstay.hpp"

using mainstay::atomic_register;

int main(int count, char** arguments) {
  if (count != 2) return std::cerr << "usage: register 1|2|3\n", 2;
  const std::string id = arguments[1];
  auto node = mainstay::instance<atomic_register>::open(
      {.id = std::strtoul(id.c_str(), nullptr, 10),
       .directory = "register-" + id,
       .members = "1=127.0.0.1:7111,2=127.0.0.1:7112,3=127.0.0.1:7113"},
      atomic_register{});
  if (!node) return std::cerr << node.error().message << '\n', 1;

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    std::string first;
    std::string second;
    words >> verb >> first >> second;
    const auto deadline = (*node)->in(std::chrono::seconds(5));
    auto answer =
        verb == "get"
            ? (*node)->query(atomic_register::read(), {.deadline = deadline},
                             boost::asio::use_future)
            : (*node)->submit(verb == "set" ? atomic_register::write(first)
                                            : atomic_register::compare_and_set(first, second),
                              {.deadline = deadline}, boost::asio::use_future);
    const auto outcome = answer.get();
    const auto before =
        outcome ? atomic_register::value_in(*outcome) : std::unexpected(outcome.error());
    std::cout << (before ? before->value_or("(none)") : before.error().message) << '\n'
              << std::flush;
  }
}
