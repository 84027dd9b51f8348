/// Has the client call INCR on many keys, each once, and prints what it was told: a line a key,
/// with done, refused or unknown. client_outcomes TIMES DEADLINE_MS HOST:PORT…
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>

#include "mainstay/client/client.hpp"

namespace {

using mainstay::call_outcome;

const char* name_of(call_outcome outcome) {
  switch (outcome) {
    case call_outcome::done:
      return "done";
    case call_outcome::refused:
      return "refused";
    case call_outcome::unknown:
      break;
  }
  return "unknown";
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "client_outcomes TIMES DEADLINE_MS HOST:PORT…\n";
    return 2;
  }
  const int times = std::atoi(arguments[1]);
  const std::chrono::milliseconds deadline(std::atoi(arguments[2]));
  auto client = mainstay::client::open(
      {.nodes = {arguments + 3, arguments + count}, .limits = {.attempt = deadline / 4}});
  if (!client) return 2;

  constexpr int most_under_way = 16;
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  for (int i = 0; i < times; ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return under_way < most_under_way; });
      ++under_way;
    }
    const std::string key = "key-" + std::to_string(i);
    client->call({"INCR", key}, deadline, [&, key](const mainstay::call_result& result) {
      const std::lock_guard lock(mutex);
      --under_way;
      std::cout << key << ' ' << name_of(result.outcome) << ' ' << result.reply.number << std::endl;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return under_way == 0; });
}
