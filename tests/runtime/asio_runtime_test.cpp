/// The Asio runtime against the contract of its seam, and what it promises beyond: many posting
/// threads, and turns for timers under load.
#include "mainstay/runtime/asio/asio_runtime.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/runtime.hpp"

namespace mainstay::conformance {
namespace {

template <apply_thread Apply>
class asio_world {
 public:
  asio_runtime& runtime() { return runtime_; }
  void run() { runtime_.run(); }
  void finish() { runtime_.stop(); }

 private:
  asio_runtime runtime_{Apply};
};

using worlds = testing::Types<asio_world<apply_thread::loop>, asio_world<apply_thread::own>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Asio, Runtime, worlds);

}  // namespace
}  // namespace mainstay::conformance

namespace mainstay {
namespace {

TEST(AsioRuntime, PostsOfManyThreadsAllRunInEachThreadsOrder) {
  constexpr int threads = 4;
  constexpr int posts = 20000;
  asio_runtime runtime;
  std::vector<std::vector<int>> seen(threads);
  std::atomic<int> left = threads * posts;
  runtime.start();

  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < posts; ++i) {
        runtime.loop().post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (--left == 0) runtime.stop();
        });
      }
    });
  }
  for (auto& poster : posters) poster.join();
  runtime.join();

  for (const auto& of_thread : seen) {
    ASSERT_EQ(of_thread.size(), std::size_t{posts});
    EXPECT_TRUE(std::ranges::is_sorted(of_thread));
  }
}

TEST(AsioRuntime, TasksThatPostForeverDoNotStarveTimers) {
  asio_runtime runtime;
  auto timer = runtime.make_timer(runtime.loop());
  std::function<void()> again = [&] { runtime.loop().post([&] { again(); }); };

  timer.arm(runtime.now() + std::chrono::milliseconds(2), [&] { runtime.stop(); });
  again();
  runtime.run();  // returns only if the timer got its turn
}

TEST(AsioRuntime, ApplyOnItsOwnThreadLeavesTheLoop) {
  asio_runtime runtime(apply_thread::own);
  std::thread::id loop_thread;
  std::thread::id apply_thread_id;

  runtime.loop().post([&] {
    loop_thread = std::this_thread::get_id();
    runtime.apply().post([&] {
      apply_thread_id = std::this_thread::get_id();
      runtime.stop();
    });
  });
  runtime.start();
  runtime.join();

  EXPECT_NE(loop_thread, std::thread::id());
  EXPECT_NE(loop_thread, apply_thread_id);
}

TEST(AsioRuntime, LongWorkInTheBackgroundDelaysNeitherLoopNorApply) {
  asio_runtime runtime;
  std::atomic<bool> applied = false;

  runtime.background().post([&] {
    applied.wait(false);  // forever, if this thread were theirs
    runtime.stop();
  });
  runtime.loop().post([&] {
    runtime.apply().post([&] {
      applied = true;
      applied.notify_one();
    });
  });
  runtime.run();

  EXPECT_TRUE(applied);
}

TEST(AsioRuntime, PostAfterTheEndDestroysTheTask) {
  asio_runtime runtime;
  runtime.stop();
  runtime.run();
  auto witness = std::make_shared<int>(0);

  runtime.loop().post([witness] {});

  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace mainstay
