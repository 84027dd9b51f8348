/// What every pair of `network_client` and `network_server` promises (mainstay/seams/network.hpp),
/// as a typed suite. A world holds a client of node 1 and a server of node 2 on one loop:
///
///   client(), server()      not yet started; the client knows node 2's address
///   start(handler)          starts the server and tells the client where it is
///   run_until(condition)    runs the loop until the condition holds; false: it gave up
///   deadline_in(duration)   an instant on the loop's clock
///   dead_peer()             a peer that the client has an address of, but nobody listens there
///
/// In namespace mainstay::conformance, write INSTANTIATE_TYPED_TEST_SUITE_P(Name, Network, World).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/seams/network.hpp"

#include "tests/conformance/call_record.hpp"

namespace mainstay::conformance {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline constexpr node_id network_client_id{1};
inline constexpr node_id network_server_id{2};

template <class World>
class Network : public testing::Test {
 protected:
  void call(std::uint64_t number, duration within = 10s) {
    world_.client().call(network_server_id, group_id(7), numbered(number),
                         world_.deadline_in(within), calls_.expect(number));
  }
  void start_answering() {
    world_.start([](node_id, group_id, rpc_request request, responder respond) {
      respond(answer_to(number_of(request)));
    });
  }
  /// The server takes requests and keeps their responders.
  void start_holding() {
    world_.start([this](node_id, group_id, rpc_request request, responder respond) {
      held_.emplace_back(number_of(request), std::move(respond));
    });
  }
  bool run_until_completed(std::size_t count) {
    return world_.run_until([this, count] { return calls_.completed() >= count; });
  }
  bool run_until_held(std::size_t count) {
    return world_.run_until([this, count] { return held_.size() >= count; });
  }

  call_record calls_;
  std::vector<std::pair<std::uint64_t, responder>> held_;
  World world_;
};
TYPED_TEST_SUITE_P(Network);

TYPED_TEST_P(Network, AResponseComesBackToItsCall) {
  this->start_answering();

  for (std::uint64_t i = 1; i <= 50; ++i) this->call(i);

  ASSERT_TRUE(this->run_until_completed(50));
  for (std::uint64_t i = 1; i <= 50; ++i) EXPECT_EQ(this->calls_[i], answer_to(i));
  EXPECT_TRUE(this->calls_.once_each());
}

TYPED_TEST_P(Network, RequestsArriveInTheOrderMade) {
  std::vector<std::uint64_t> arrived;
  this->world_.start([&](node_id, group_id, rpc_request request, responder respond) {
    arrived.push_back(number_of(request));
    respond(answer_to(number_of(request)));
  });

  std::vector<std::uint64_t> made;
  for (std::uint64_t i = 1; i <= 60; ++i) made.push_back(i);
  for (const auto i : made) this->call(i);

  ASSERT_TRUE(this->run_until_completed(60));
  EXPECT_EQ(arrived, made);
}

TYPED_TEST_P(Network, ResponsesMayComeLaterAndInAnyOrder) {
  this->start_holding();
  for (std::uint64_t i = 1; i <= 20; ++i) this->call(i);
  ASSERT_TRUE(this->run_until_held(20));

  while (!this->held_.empty()) {
    auto [number, respond] = std::move(this->held_.back());
    this->held_.pop_back();
    respond(answer_to(number));
  }

  ASSERT_TRUE(this->run_until_completed(20));
  for (std::uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(this->calls_[i], answer_to(i));
}

TYPED_TEST_P(Network, TheHandlerLearnsWhoCallsAndForWhichGroup) {
  node_id caller;
  group_id group;
  this->world_.start([&](node_id from, group_id for_group, rpc_request, responder respond) {
    caller = from;
    group = for_group;
    respond(answer_to(1));
  });

  this->call(1);

  ASSERT_TRUE(this->run_until_completed(1));
  EXPECT_EQ(caller, network_client_id);
  EXPECT_EQ(group, group_id(7));
}

TYPED_TEST_P(Network, PayloadsOfAllSizesArriveWhole) {
  core::append_entries sent{term(3), log_index(0), term(0), log_index(0), 1, {}};
  for (std::size_t i = 0; i < 200; ++i) {
    const std::string text(i * i * 5 % 20011, static_cast<char>('a' + i % 26));
    sent.entries.push_back({log_index(i + 1), term(3), core::entry_kind::command, log_time{1},
                            shared_bytes::copy_of(text)});
  }
  rpc_request received;
  this->world_.start([&](node_id, group_id, rpc_request request, responder respond) {
    received = std::move(request);
    respond(core::append_entries_response{});
  });

  this->world_.client().call(network_server_id, group_id(1), sent, this->world_.deadline_in(10s),
                             this->calls_.expect(1));

  ASSERT_TRUE(this->run_until_completed(1));
  EXPECT_TRUE(received == rpc_request(sent));
}

TYPED_TEST_P(Network, AnUnansweredCallTimesOutAndNotBefore) {
  this->start_holding();
  const auto deadline = this->world_.deadline_in(20ms);

  this->call(1, 20ms);
  this->call(2, 10s);
  ASSERT_TRUE(this->run_until_completed(1));

  EXPECT_EQ(this->calls_.error_of(1), error_code::timed_out);
  EXPECT_GE(this->world_.deadline_in(0ms), deadline);
  EXPECT_EQ(this->calls_.completed(), 1U);
}

TYPED_TEST_P(Network, AResponseAfterTheDeadlineIsIgnored) {
  this->start_holding();
  this->call(1, 20ms);
  ASSERT_TRUE(this->run_until_completed(1));
  ASSERT_TRUE(this->run_until_held(1));

  this->held_[0].second(answer_to(1));
  this->call(2);
  ASSERT_TRUE(this->run_until_held(2));
  this->held_[1].second(answer_to(2));
  ASSERT_TRUE(this->run_until_completed(2));

  EXPECT_EQ(this->calls_.error_of(1), error_code::timed_out);
  EXPECT_EQ(this->calls_[2], answer_to(2));
  EXPECT_TRUE(this->calls_.once_each());
}

TYPED_TEST_P(Network, ADroppedResponderLeavesTheCallToItsDeadline) {
  this->world_.start([](node_id, group_id, rpc_request, responder) {});

  this->call(1, 30ms);

  ASSERT_TRUE(this->run_until_completed(1));
  EXPECT_EQ(this->calls_.error_of(1), error_code::timed_out);
}

TYPED_TEST_P(Network, CallsToNobodyAreUnreachable) {
  this->world_.client().call(node_id(99), group_id(1), numbered(1), this->world_.deadline_in(10s),
                             this->calls_.expect(1));
  this->world_.client().call(this->world_.dead_peer(), group_id(1), numbered(2),
                             this->world_.deadline_in(10s), this->calls_.expect(2));

  ASSERT_TRUE(this->run_until_completed(2));
  EXPECT_EQ(this->calls_.error_of(1), error_code::unreachable);
  EXPECT_EQ(this->calls_.error_of(2), error_code::unreachable);
}

// Hazard 121: a call that ends at once would overtake its caller's bookkeeping.
TYPED_TEST_P(Network, NoCallCompletesBeforeItReturns) {
  this->start_answering();

  this->call(1);
  this->world_.client().call(node_id(99), group_id(1), numbered(2), this->world_.deadline_in(10s),
                             this->calls_.expect(2));
  const auto at_once = this->calls_.completed();
  ASSERT_TRUE(this->run_until_completed(2));
  this->world_.client().stop();
  this->call(3);

  EXPECT_EQ(at_once, 0U);
  EXPECT_EQ(this->calls_.completed(), 2U);
  ASSERT_TRUE(this->run_until_completed(3));
  EXPECT_EQ(this->calls_.error_of(3), error_code::shutting_down);
}

TYPED_TEST_P(Network, StopCompletesEveryCallOnce) {
  this->start_holding();
  for (std::uint64_t i = 1; i <= 20; ++i) this->call(i);
  ASSERT_TRUE(this->run_until_held(20));

  this->world_.client().stop();

  ASSERT_TRUE(this->run_until_completed(20));
  for (auto& [number, respond] : this->held_) respond(answer_to(number));
  (void)this->world_.run_until([deadline = this->world_.deadline_in(20ms), this] {
    return this->world_.deadline_in(0ms) >= deadline;
  });
  for (std::uint64_t i = 1; i <= 20; ++i) {
    EXPECT_EQ(this->calls_.error_of(i), error_code::shutting_down);
  }
  EXPECT_TRUE(this->calls_.once_each());
}

TYPED_TEST_P(Network, RemovingAPeerDisconnectsItsCalls) {
  this->start_holding();
  this->call(1);
  ASSERT_TRUE(this->run_until_held(1));

  this->world_.client().remove_peer(network_server_id);
  ASSERT_TRUE(this->run_until_completed(1));
  this->call(2);
  ASSERT_TRUE(this->run_until_completed(2));

  EXPECT_EQ(this->calls_.error_of(1), error_code::disconnected);
  EXPECT_EQ(this->calls_.error_of(2), error_code::unreachable);
}

TYPED_TEST_P(Network, WhenTheServerStopsItsCallsAreDisconnected) {
  this->start_holding();
  for (std::uint64_t i = 1; i <= 5; ++i) this->call(i);
  ASSERT_TRUE(this->run_until_held(5));

  this->world_.server().stop();

  ASSERT_TRUE(this->run_until_completed(5));
  for (std::uint64_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(this->calls_.error_of(i), error_code::disconnected);
  }
  for (auto& [number, respond] : this->held_) respond(answer_to(number));  // dropped quietly
}

TYPED_TEST_P(Network, NoRequestIsHandedOnAfterTheServerStopped) {
  std::size_t handed_on = 0;
  this->world_.start([&](node_id, group_id, rpc_request, responder) {
    ++handed_on;
    this->world_.server().stop();
  });
  for (std::uint64_t i = 1; i <= 10; ++i) this->call(i);

  ASSERT_TRUE(this->run_until_completed(10));

  EXPECT_EQ(handed_on, 1U);
  EXPECT_TRUE(this->calls_.once_each());
}

TYPED_TEST_P(Network, ACompletionMayCallAgain) {
  this->start_answering();
  std::uint64_t made = 1;
  std::function<void()> again = [&] {
    this->world_.client().call(network_server_id, group_id(1), numbered(made),
                               this->world_.deadline_in(10s), [&](result<rpc_response> outcome) {
                                 ASSERT_TRUE(outcome);
                                 if (++made <= 30) again();
                               });
  };

  again();

  EXPECT_TRUE(this->world_.run_until([&] { return made > 30; }));
}

REGISTER_TYPED_TEST_SUITE_P(Network, AResponseComesBackToItsCall, RequestsArriveInTheOrderMade,
                            ResponsesMayComeLaterAndInAnyOrder,
                            TheHandlerLearnsWhoCallsAndForWhichGroup, PayloadsOfAllSizesArriveWhole,
                            AnUnansweredCallTimesOutAndNotBefore,
                            AResponseAfterTheDeadlineIsIgnored,
                            ADroppedResponderLeavesTheCallToItsDeadline,
                            CallsToNobodyAreUnreachable, NoCallCompletesBeforeItReturns,
                            StopCompletesEveryCallOnce, RemovingAPeerDisconnectsItsCalls,
                            WhenTheServerStopsItsCallsAreDisconnected,
                            NoRequestIsHandedOnAfterTheServerStopped, ACompletionMayCallAgain);

}  // namespace mainstay::conformance
