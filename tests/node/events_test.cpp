/// Following a node: what is told, in which order, and to whom who is slow.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::world;
using mode = world::storage_type::mode;

template <class Kind>
std::vector<Kind> only(const std::vector<node_event>& events) {
  std::vector<Kind> found;
  for (const auto& e : events) {
    if (const auto* one = std::get_if<Kind>(&e)) found.push_back(*one);
  }
  return found;
}

TEST(NodeEvents, TellWhoLeads) {
  world w(3);
  const auto stream = w[2].events();
  w.runtime.step();
  const auto leader = w.leader();
  w.until([&] { return w.status(2).leader == node_id(leader); });

  const auto told = only<leadership_changed>(stream->take());

  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().now.leader, node_id(leader));
  EXPECT_EQ(told.back().now.term, w.status(2).term);
}

TEST(NodeEvents, TellHowFarIsApplied) {
  world w(1);
  const auto leader = w.leader();
  const auto stream = w[leader].events();
  w.runtime.run();
  w.done(leader, "a");
  w.done(leader, "b");

  const auto told = only<applied_up_to>(stream->take());

  ASSERT_EQ(told.size(), 1U);  // nobody took the first: the last stands for both
  EXPECT_EQ(told.back().index, w.status(leader).applied_index);
}

TEST(NodeEvents, TellOfSnapshots) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "a");
  const auto stream = w[leader].events();
  w.runtime.run();
  w[leader].save_snapshot(std::function<void(result<core::snapshot>)>([](const auto&) {}));
  w.runtime.run();

  const auto told = only<snapshot_taken>(stream->take());

  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().image.last_included_index, w.status(leader).snapshot_index);
  EXPECT_FALSE(told.front().from_leader);
}

TEST(NodeEvents, TellOfHealth) {
  world w(1);
  const auto leader = w.leader();
  const auto stream = w[leader].events({.applied = false});
  w.runtime.run();
  w.storage(leader).answers = mode::full;
  w.submit(leader, "a");
  w.runtime.run();
  w.storage(leader).answers = mode::durable;
  w.runtime.run_for(1s);

  const auto told = only<health_changed>(stream->take());

  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].now, node_health::disk_full);
  EXPECT_FALSE(told[0].problem.empty());
  EXPECT_EQ(told[1].now, node_health::sound);
}

TEST(NodeEvents, TellThatTheNodeHasStopped) {
  world w(1);
  const auto stream = w[1].events();
  w.runtime.run();
  w[1].stop_on_loop();

  const auto told = only<health_changed>(stream->take());

  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().now, node_health::stopped);
}

TEST(EventStream, CountsWhatASlowSubscriberMissed) {
  event_stream stream({.capacity = 2});
  for (std::uint64_t i = 1; i <= 5; ++i) stream.put(disk_stalled{duration(i)});

  const auto taken = stream.take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[1], node_event(disk_stalled{duration(2)}));
  EXPECT_EQ(taken[2], node_event(events_missed{3}));
  stream.put(disk_stalled{duration(6)});
  EXPECT_EQ(stream.take(), std::vector<node_event>{disk_stalled{duration(6)}});
}

// Else what came before the gap and what came behind it could not be told apart.
TEST(EventStream, KeepsNothingBehindAGap) {
  event_stream stream({.capacity = 1});
  stream.put(applied_up_to{log_index(1)});
  stream.put(disk_stalled{duration(1)});
  stream.put(applied_up_to{log_index(2)});

  const auto taken = stream.take();

  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0], node_event(applied_up_to{log_index(1)}));
  EXPECT_EQ(taken[1], node_event(events_missed{2}));
}

TEST(EventStream, CallsOnceUntilItsEventsAreTaken) {
  int calls = 0;
  event_stream stream({.on_events = [&](event_stream&) { ++calls; }});
  stream.put(disk_stalled{duration(1)});
  stream.put(disk_stalled{duration(2)});
  EXPECT_EQ(calls, 1);

  stream.take();
  stream.put(disk_stalled{duration(3)});

  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace mainstay
