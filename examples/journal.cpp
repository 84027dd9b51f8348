/// A journal on three nodes. Start it three times, with 1, 2 and 3: every line typed into any of
/// them is appended, and an empty line prints the last ten of all.
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "mainstay/machines/replicated_log/replicated_log.hpp"
#include "mainstay/mainstay.hpp"

using mainstay::replicated_log;

/// Prints the records of an answer.
void print(const mainstay::command_outcome& answer) {
  if (!answer) return void(std::cout << answer.error().message << '\n');
  const auto records = replicated_log::records_in(*answer);
  if (!records) return void(std::cout << records.error().message << '\n');
  const auto skipped = records->size() - std::min<std::size_t>(records->size(), 10);
  for (auto at = records->begin() + std::ptrdiff_t(skipped); at != records->end(); ++at) {
    std::cout << at->id.milliseconds << '-' << at->id.sequence << ' ' << at->content << '\n';
  }
}

int main(int count, char** arguments) {
  if (count != 2) return std::cerr << "usage: journal 1|2|3\n", 2;
  const std::string id = arguments[1];
  auto node = mainstay::instance<replicated_log>::open(
      {.id = std::strtoul(id.c_str(), nullptr, 10),
       .directory = "journal-" + id,
       .members = "1=127.0.0.1:7121,2=127.0.0.1:7122,3=127.0.0.1:7123"},
      replicated_log{});
  if (!node) return std::cerr << node.error().message << '\n', 1;

  for (std::string line; std::getline(std::cin, line); std::cout << std::flush) {
    const auto deadline = (*node)->in(std::chrono::seconds(5));
    if (line.empty()) {
      const auto all =
          replicated_log::read(mainstay::first_record, mainstay::last_record, 1'000'000);
      print((*node)->query(all, {.deadline = deadline}, boost::asio::use_future).get());
      continue;
    }
    const auto answer =
        (*node)
            ->submit(replicated_log::append(line), {.deadline = deadline}, boost::asio::use_future)
            .get();
    const auto done =
        answer ? replicated_log::appended_in(*answer) : std::unexpected(answer.error());
    std::cout << (done ? std::to_string(done->position) : done.error().message) << '\n';
  }
}
