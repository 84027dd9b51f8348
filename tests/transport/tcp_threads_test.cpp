/// Two nodes on loops of their own: payloads that one thread sends are received, held and sent back
/// by another. Worth the most under ThreadSanitizer.
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "mainstay/runtime/asio/asio_runtime.hpp"
#include "mainstay/runtime/asio/io_context.hpp"

#include "tests/transport/tcp_world.hpp"

namespace mainstay {
namespace {

using namespace testing_tcp;

/// Runs `work` as a task of the loop and waits for it.
void run_on(asio_runtime& runtime, const std::function<void()>& work) {
  std::promise<void> done;
  runtime.loop().post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

TEST(TcpThreads, PayloadsPassFromLoopToLoopAndBack) {
  constexpr int calls = 300;
  asio_runtime here;
  asio_runtime there;
  server echo(io_context_of(there), *check(options_of(2)));
  client caller(io_context_of(here), *check(options_of(1)));
  ASSERT_TRUE(echo.start([](node_id, group_id, rpc_request request, responder respond) {
    forward_commands_response answers;
    for (auto& command : std::get<forward_commands>(request).commands) {
      answers.outcomes.emplace_back(std::move(command));
    }
    respond(std::move(answers));
  }));
  caller.add_peer(node_id(2), echo.local_address());
  here.start();
  there.start();

  std::promise<int> finished;
  int completed = 0;
  int equal = 0;
  const auto call = [&](int i) {
    const auto payload = shared_bytes::copy_of(std::string(static_cast<std::size_t>(i) * 97, 'x'));
    const auto done = [&, payload](result<rpc_response> outcome) {
      if (outcome) {
        const auto& answers = std::get<forward_commands_response>(*outcome).outcomes;
        equal += answers.size() == 1 && answers[0] == payload ? 1 : 0;
      }
      if (++completed == calls) finished.set_value(equal);
    };
    caller.call(node_id(2), group_id(1), forward_commands{{payload}}, tcp::now() + 10s, done);
  };
  // The first call alone: only a few may wait for the connection.
  run_on(here, [&] { call(0); });
  run_on(here, [&] {
    for (int i = 1; i < 60; ++i) call(i);
  });
  while (true) {
    bool connected = false;
    run_on(here, [&] { connected = caller.counters().connections == 1; });
    if (connected) break;
  }
  run_on(here, [&] {
    for (int i = 60; i < calls; ++i) call(i);
  });

  EXPECT_EQ(finished.get_future().get(), calls);
  run_on(here, [&] { caller.stop(); });
  run_on(there, [&] { echo.stop(); });
}

}  // namespace
}  // namespace mainstay
