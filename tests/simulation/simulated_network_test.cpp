/// The simulated transport against the contract of the network's seam, and the weather on it.
#include "mainstay/simulation/simulated_network.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/simulation/simulated_transport.hpp"

#include "tests/conformance/network.hpp"

namespace mainstay::conformance {
namespace {

/// Node 1 with a client, node 2 with a server, and node 3, where nobody listens.
class simulated_network_world {
 public:
  simulated_network_world() {
    for (const std::uint64_t id : {1, 2, 3}) network_.add_node(node_id(id), process_);
    client_.emplace(network_, runtime_, network_client_id);
    client_->add_peer(network_server_id, "node-2");
    client_->add_peer(dead_peer(), "node-3");
  }

  simulation::simulated_network& network() { return network_; }
  simulation::simulated_client& client() { return *client_; }
  simulation::simulated_server& server() { return server_; }
  void start(request_handler handler) { ASSERT_TRUE(server_.start(std::move(handler))); }
  bool run_until(const std::function<bool()>& holds) {
    const instant end = events_.now() + std::chrono::minutes(1);
    while (!holds() && events_.now() < end)
      events_.run_until(events_.now() + std::chrono::microseconds(100));
    return holds();
  }
  void run_for(duration span) { events_.run_until(events_.now() + span); }
  instant deadline_in(duration span) const { return runtime_.now() + span; }
  static node_id dead_peer() { return node_id(3); }

 private:
  simulation::event_queue events_;
  simulation::process process_{events_};
  simulation::simulated_clock clock_{events_.now(), std::chrono::minutes(3), log_time{7}};
  simulation::simulated_network network_{events_, 1};
  simulation::simulated_runtime runtime_{events_, process_, clock_, 1};
  std::optional<simulation::simulated_client> client_;
  simulation::simulated_server server_{network_, network_server_id};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, Network, simulated_network_world);

/// Weather is tested with what the conformance suite has.
class SimulatedNetwork : public Network<simulated_network_world> {
 protected:
  static constexpr node_id client = network_client_id;
  static constexpr node_id server = network_server_id;

  /// The server notes what comes, and answers.
  void start_noting() {
    world_.start([this](node_id, group_id, rpc_request request, responder respond) {
      arrived_.push_back(number_of(request));
      respond(answer_to(arrived_.back()));
    });
  }
  void call_many(std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) call(i, 1s);
    ASSERT_TRUE(run_until_completed(count));
  }
  simulation::simulated_network& network() { return world_.network(); }

  std::vector<std::uint64_t> arrived_;
};

TEST_F(SimulatedNetwork, WhatIsCutOneWayArrivesAndIsNotAnswered) {
  start_noting();
  network().cut(server, client);

  call(1, 100ms);
  ASSERT_TRUE(run_until_completed(1));

  EXPECT_EQ(arrived_.size(), 1U);
  EXPECT_EQ(calls_.error_of(1), error_code::timed_out);
}

TEST_F(SimulatedNetwork, AfterAPartitionHealsCallsComeThroughAgain) {
  start_noting();
  network().partition({{client, node_id(3)}, {server}});
  call(1, 100ms);
  ASSERT_TRUE(run_until_completed(1));
  const auto while_cut = arrived_.size();

  network().heal();
  call(2, 100ms);
  ASSERT_TRUE(run_until_completed(2));

  EXPECT_EQ(while_cut, 0U);
  EXPECT_EQ(calls_.error_of(1), error_code::timed_out);
  EXPECT_EQ(calls_[2], answer_to(2));
}

TEST_F(SimulatedNetwork, LossLosesAboutAsManyAsItSays) {
  start_noting();
  network().link(client, server).lost_per_million = 300'000;

  call_many(2000);

  EXPECT_NEAR(static_cast<double>(arrived_.size()), 1400, 100);
  EXPECT_EQ(network().counters().lost, 2000 - arrived_.size());
  EXPECT_TRUE(calls_.once_each());
}

TEST_F(SimulatedNetwork, DuplicatedRequestsArriveTwiceAndAreAnsweredOnce) {
  start_noting();
  network().link(client, server).duplicated_per_million = 1'000'000;

  call_many(100);
  world_.run_for(1s);

  EXPECT_EQ(arrived_.size(), 200U);
  EXPECT_TRUE(calls_.once_each());
}

TEST_F(SimulatedNetwork, ReorderingLetsSomeOvertakeOthers) {
  start_noting();
  network().link(client, server).reordered_per_million = 200'000;

  call_many(200);

  EXPECT_EQ(arrived_.size(), 200U);
  EXPECT_FALSE(std::ranges::is_sorted(arrived_));
}

TEST_F(SimulatedNetwork, SpikesAndStallsKeepTheOrder) {
  start_noting();
  network().link(client, server).spikes_per_million = 200'000;

  call_many(200);

  EXPECT_EQ(arrived_.size(), 200U);
  EXPECT_TRUE(std::ranges::is_sorted(arrived_));
}

TEST_F(SimulatedNetwork, AResetDisconnectsTheCallsInFlight) {
  start_holding();
  for (std::uint64_t i = 1; i <= 5; ++i) call(i);
  ASSERT_TRUE(run_until_held(5));

  network().reset(client, server);
  ASSERT_TRUE(run_until_completed(5));
  call(6);
  ASSERT_TRUE(run_until_held(6));
  held_.back().second(answer_to(6));
  ASSERT_TRUE(run_until_completed(6));

  for (std::uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(calls_.error_of(i), error_code::disconnected);
  EXPECT_EQ(calls_[6], answer_to(6));
}

TEST_F(SimulatedNetwork, AMachineWithoutPowerSaysNothing) {
  start_holding();
  call(1, 100ms);
  ASSERT_TRUE(run_until_held(1));

  network().switch_off(server);
  world_.server().stop();
  call(2, 100ms);
  ASSERT_TRUE(run_until_completed(2));

  EXPECT_EQ(calls_.error_of(1), error_code::timed_out);
  EXPECT_EQ(calls_.error_of(2), error_code::timed_out);
}

TEST_F(SimulatedNetwork, AServerThatStartsAnewDisconnectsWhoStillThinksItIsConnected) {
  start_noting();
  call(1);
  ASSERT_TRUE(run_until_completed(1));
  network().switch_off(server);
  world_.server().stop();
  start_noting();

  call(2, 100ms);
  ASSERT_TRUE(run_until_completed(2));
  call(3, 100ms);
  ASSERT_TRUE(run_until_completed(3));

  EXPECT_EQ(calls_.error_of(2), error_code::disconnected);
  EXPECT_EQ(calls_[3], answer_to(3));
}

TEST_F(SimulatedNetwork, ASlowLinkTakesTimeForEveryByte) {
  start_noting();
  network().link(client, server).bytes_per_second = 10'000;
  const instant start = world_.deadline_in(0s);

  call_many(20);

  EXPECT_GE(world_.deadline_in(0s), start + 190ms);
}

}  // namespace
}  // namespace mainstay::conformance
