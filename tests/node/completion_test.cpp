/// One mechanism, several ways to wait for a result.
#include "mainstay/runtime/asio/completion.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include "tests/node/harness.hpp"

namespace mainstay {
namespace {

namespace asio = boost::asio;
using testing::node_cluster;

TEST(CompletionToken, UseFutureGivesAFuture) {
  node_cluster c(1);
  auto& replica = c[c.leader()];

  std::future<command_outcome> answer =
      replica.submit(shared_bytes::copy_of("a"), {}, asio::use_future);

  EXPECT_EQ(answer.get()->text(), "1");
}

asio::awaitable<std::string> submit_then_query(node<testing::test_types>& replica) {
  const auto written = co_await replica.submit(shared_bytes::copy_of("a"), {}, asio::use_awaitable);
  const auto read = co_await replica.query({}, {}, asio::use_awaitable);
  co_return std::string(written->text()) + " " + std::string(read->text());
}

TEST(CompletionToken, CoroutineAwaitsTheOutcome) {
  asio::io_context context;  // outlives the loop, which may still be posting to it
  node_cluster c(1);
  auto& replica = c[c.leader()];

  auto done = asio::co_spawn(context, submit_then_query(replica), asio::use_future);
  context.run();

  EXPECT_EQ(done.get(), "1 1");
}

TEST(CompletionToken, BoundExecutorIsWhereTheHandlerRuns) {
  asio::thread_pool pool(1);  // outlives the loop, which may still be posting to it
  node_cluster c(1);
  auto& replica = c[c.leader()];
  std::promise<bool> on_pool;

  replica.submit(shared_bytes::copy_of("a"), {}, asio::bind_executor(pool, [&](command_outcome) {
                   on_pool.set_value(pool.get_executor().running_in_this_thread());
                 }));

  EXPECT_TRUE(on_pool.get_future().get());
  pool.join();
}

// As every operation of Asio, a pending one keeps the executor of its handler at work.
TEST(CompletionToken, ContextOfTheHandlerWaitsForIt) {
  asio::io_context context;
  node_cluster c(1);
  auto& replica = c[c.leader()];
  std::string heard;

  replica.submit(
      shared_bytes::copy_of("a"), {},
      asio::bind_executor(context, [&](const command_outcome& answer) { heard = answer->text(); }));
  context.run();

  EXPECT_EQ(heard, "1");
}

/// A future of the user's own: the whole adaptation is one specialization.
struct shout {
  std::string& heard;
};

}  // namespace

template <>
inline constexpr bool has_own_completion<shout> = true;

template <>
struct completion<shout, command_outcome> {
  template <class Initiation>
  static std::future<void> initiate(Initiation&& initiation, shout token) {
    std::promise<void> promise;
    auto future = promise.get_future();
    std::forward<Initiation>(initiation)(
        [token, p = std::move(promise)](command_outcome o) mutable {
          token.heard = std::string(o->text()) + "!";
          p.set_value();
        });
    return future;
  }
};

namespace {

TEST(CompletionToken, UsersOwnTokenNeedsOneSpecialization) {
  node_cluster c(1);
  std::string heard;

  c[c.leader()].submit(shared_bytes::copy_of("a"), {}, shout{heard}).get();

  EXPECT_EQ(heard, "1!");
}

}  // namespace
}  // namespace mainstay
