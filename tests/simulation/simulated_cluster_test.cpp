/// Whole nodes in a simulated world: they elect, commit and survive, faults do what they say, and
/// the same seed gives the same run.
#include "mainstay/simulation/simulated_cluster.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <gtest/gtest.h>

#include "tests/simulation/world_of_lists.hpp"

namespace mainstay::simulation {
namespace {

/// A little of everything; gives the hash of what happened.
std::uint64_t hash_of_a_run(std::uint64_t seed) {
  list_cluster cluster({.seed = seed});
  cluster.start();
  for (int i = 0; i < 20; ++i) write(cluster, std::to_string(i));
  cluster.crash(cluster.leader());
  cluster.run_for(500ms);
  cluster.start();
  write(cluster, "after");
  cluster.run_for(2s);
  return cluster.events().trace_hash();
}

TEST(SimulatedCluster, TheSameSeedGivesTheSameRun) {
  for (const std::uint64_t seed : {1, 2, 3}) EXPECT_EQ(hash_of_a_run(seed), hash_of_a_run(seed));
}

TEST(SimulatedCluster, OtherSeedsGiveOtherRuns) { EXPECT_NE(hash_of_a_run(1), hash_of_a_run(2)); }

TEST(SimulatedCluster, ThreeNodesElectALeaderAndCommit) {
  list_cluster cluster;
  cluster.start();

  write(cluster, "a");
  write(cluster, "b");

  ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 5s));
  for (const node_id id : cluster.ids()) {
    EXPECT_EQ(cluster.machine(id)->items, (std::vector<std::string>{"a", "b"}));
  }
  EXPECT_TRUE(cluster.failures().empty());
}

TEST(SimulatedCluster, AcknowledgedWritesSurviveACrashOfTheLeader) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    list_cluster cluster({.seed = seed});
    cluster.start();
    std::vector<std::string> acknowledged;
    for (int i = 0; i < 40; ++i) {
      acknowledged.push_back(std::to_string(i));
      write(cluster, acknowledged.back());
    }
    const node_id first = cluster.leader();

    cluster.crash(first);
    const node_id second = await_leader(cluster, first);
    ASSERT_TRUE(cluster.start(first));
    write(cluster, "after");
    acknowledged.emplace_back("after");

    EXPECT_NE(first, second);
    ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
    for (const node_id id : cluster.ids()) EXPECT_EQ(cluster.machine(id)->items, acknowledged);
  }
}

/// Has the leader change the members; gives whether it was done.
bool change(list_cluster& cluster, membership_request request) {
  std::optional<bool> done;
  cluster.change_members(
      await_leader(cluster), std::move(request),
      [&](const membership_outcome& outcome) { done = bool(outcome); }, 5s);
  cluster.run_until([&] { return done.has_value(); }, 6s);
  return done == true;
}

TEST(SimulatedCluster, ANodeJoinsAndVotes) {
  list_cluster cluster({.nodes = 4, .voters = 3});
  cluster.start();
  write(cluster, "a");

  ASSERT_TRUE(change(cluster, {.add = {{node_id(4), "node-4", 1, true}}}));

  const auto votes = [&] {
    return cluster.has_converged() && cluster.status(node_id(4)).configuration.is_voter(node_id(4));
  };
  ASSERT_TRUE(cluster.run_until(votes, 10s));
  EXPECT_EQ(cluster.machine(node_id(4))->items, (std::vector<std::string>{"a"}));
}

// Hazard 68: what its disk had promised is forgotten; it must not pass as the one that it was.
TEST(SimulatedCluster, AMemberThatWasWipedComesBackAsAnotherOne) {
  list_cluster cluster({.nodes = 3});
  cluster.start();
  write(cluster, "a");
  const node_id leader = await_leader(cluster);
  const node_id lost(leader.value() % 3 + 1);
  cluster.wipe(lost);

  ASSERT_TRUE(change(cluster, {.remove = {lost}}));
  const auto left = cluster.status(await_leader(cluster));
  cluster.replace_disk(lost, left.configuration, left.last_index.next());
  cluster.run_for(1ms);
  ASSERT_TRUE(cluster.start(lost));
  ASSERT_TRUE(change(cluster, {.add = {{lost, "node#2", 1, true}}}));

  const auto votes = [&] {
    return cluster.has_converged() && cluster.status(lost).configuration.is_voter(lost);
  };
  ASSERT_TRUE(cluster.run_until(votes, 10s));
  EXPECT_EQ(cluster.machine(lost)->items, (std::vector<std::string>{"a"}));
}

// Hazard 112: whoever is asked knows what was applied.
TEST(SimulatedCluster, ACommandOfASessionIsAppliedOnce) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");
  std::optional<session_id> session;
  cluster.open_session(node_id(1), [&](const result<session_id>& opened) { session = *opened; });
  ASSERT_TRUE(cluster.run_until([&] { return session.has_value(); }, 5s));
  std::vector<std::string> answers;

  for (const auto node : cluster.ids()) {
    cluster.submit(node, shared_bytes::copy_of("b"),
                   [&](const command_outcome& outcome) { answers.emplace_back(outcome->text()); },
                   {.session = *session, .serial = 1});
  }
  ASSERT_TRUE(cluster.run_until([&] { return answers.size() == 3; }, 5s));

  EXPECT_EQ(answers, (std::vector<std::string>{"2", "2", "2"}));
  EXPECT_EQ(cluster.machine(cluster.leader())->items, (std::vector<std::string>{"a", "b"}));
}

TEST(SimulatedCluster, ANodeSavesASnapshotWhenItIsTold) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");
  std::optional<bool> saved;

  cluster.save_snapshot(cluster.leader(),
                        [&](const command_outcome& outcome) { saved = bool(outcome); });
  cluster.run_for(1s);

  EXPECT_EQ(saved, true);
  EXPECT_GT(cluster.status(cluster.leader()).snapshot_index, log_index(0));
}

// Hazard 79. Whether the image is there or not, and whatever of it is, the node comes back with
// everything.
TEST(SimulatedCluster, ThePowerMayFailAtAnyMomentOfASnapshot) {
  std::set<bool> images;
  for (int microseconds = 0; microseconds < 6000; microseconds += 150) {
    list_cluster cluster({.seed = 5, .nodes = 1});
    cluster.disk(node_id(1)).settings.flush_latency = 1ms;
    cluster.start();
    write(cluster, "a");
    cluster.save_snapshot(node_id(1), [](const command_outcome&) {});
    cluster.run_for(std::chrono::microseconds(microseconds));

    cluster.crash(node_id(1));
    const auto started = cluster.start(node_id(1));

    ASSERT_TRUE(started) << started.error().message;
    images.insert(bool(cluster.status(node_id(1)).snapshot_index));
    write(cluster, "b");
    EXPECT_EQ(cluster.machine(node_id(1))->items, (std::vector<std::string>{"a", "b"}));
  }
  EXPECT_EQ(images.size(), 2U);
}

TEST(SimulatedCluster, APowerFailureOfAllLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    list_cluster cluster({.seed = seed});
    cluster.start();
    std::vector<std::string> acknowledged;
    for (int i = 0; i < 20; ++i) write(cluster, acknowledged.emplace_back(std::to_string(i)));

    for (const node_id id : cluster.ids()) cluster.crash(id);
    cluster.start();
    write(cluster, acknowledged.emplace_back("after"));

    ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s)) << seed;
    for (const node_id id : cluster.ids()) EXPECT_EQ(cluster.machine(id)->items, acknowledged);
  }
}

TEST(SimulatedCluster, WhoWaitsForACrashedNodeIsToldOnce) {
  list_cluster cluster;
  cluster.start();
  const node_id leader = await_leader(cluster);
  std::vector<answer_handle> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(submit(cluster, leader, "x"));

  cluster.crash(leader);
  const bool inside = std::ranges::any_of(answers, [](const auto& a) { return a->is_there(); });
  cluster.run_for(10s);

  EXPECT_FALSE(inside);
  for (const auto& a : answers) {
    EXPECT_EQ(a->times, 1);
    EXPECT_EQ(a->code(), error_code::disconnected);
  }
}

TEST(SimulatedCluster, ANodeThatIsDownRefuses) {
  list_cluster cluster;
  cluster.start();
  cluster.crash(node_id(2));

  const auto a = submit(cluster, node_id(2), "x");
  cluster.run_for(1s);

  EXPECT_EQ(a->code(), error_code::unreachable);
  EXPECT_EQ(cluster.status(node_id(2)).health, node_health::stopped);
}

TEST(SimulatedCluster, ANodeMayBeCrashedFromWithinItsOwnCompletion) {
  list_cluster cluster;
  cluster.start();
  const node_id leader = await_leader(cluster);
  bool done = false;

  cluster.submit(leader, shared_bytes::copy_of("x"), [&](const command_outcome&) {
    done = true;
    cluster.crash(leader);
  });
  cluster.run_for(1s);

  EXPECT_TRUE(done);
  EXPECT_EQ(cluster.presence(leader), node_presence::down);
}

TEST(SimulatedCluster, APausedLeaderIsReplacedAndFollowsWhenItWakes) {
  list_cluster cluster;
  cluster.start();
  const node_id first = await_leader(cluster);

  cluster.pause(first);
  cluster.run_for(3s);
  const auto asleep = cluster.status(first);
  ASSERT_TRUE(cluster.run_until(
      [&] {
        return std::ranges::any_of(cluster.ids(), [&](node_id id) {
          return id != first && cluster.status(id).role == core::role::leader;
        });
      },
      10s));
  cluster.resume(first);

  EXPECT_EQ(asleep.role, core::role::leader);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
  EXPECT_GT(cluster.status(first).term, asleep.term);
}

TEST(SimulatedCluster, AMinorityCommitsNothingUntilThePartitionHeals) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "before");
  const node_id cut_off = cluster.leader();

  cluster.network().isolate(cut_off);
  const auto a = submit(cluster, cut_off, "in the minority", {.timeout = 1s});
  cluster.run_for(3s);
  const node_id second = await_leader(cluster, cut_off);
  const auto b = submit(cluster, second, "in the majority");
  cluster.run_for(1s);
  cluster.network().heal();

  EXPECT_TRUE(a->is_there());
  EXPECT_FALSE(a->succeeded());
  EXPECT_TRUE(b->succeeded());
  ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
  EXPECT_EQ(cluster.machine(cut_off)->items,
            (std::vector<std::string>{"before", "in the majority"}));
}

TEST(SimulatedCluster, AWipedNodeStaysAway) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");

  cluster.wipe(node_id(3));
  const auto again = cluster.start(node_id(3));
  write(cluster, "b");

  EXPECT_FALSE(again.has_value());
  EXPECT_EQ(cluster.presence(node_id(3)), node_presence::wiped);
  EXPECT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
}

TEST(SimulatedCluster, ADamagedLogLeavesTheNodeDownAndSaysSo) {
  list_cluster cluster;
  cluster.start();
  for (int i = 0; i < 50; ++i) write(cluster, std::to_string(i));
  cluster.crash(node_id(2));
  auto& disk = cluster.disk(node_id(2));
  for (const auto& path : disk.paths()) {
    auto bytes = disk.contents(path);
    if (bytes.size() < 8192) continue;
    for (std::size_t i = 4200; i < 4300; ++i) bytes[i] ^= std::byte{1};
    disk.replace(path, std::move(bytes));
  }

  const auto started = cluster.start(node_id(2));

  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, error_code::corrupt);
  EXPECT_EQ(cluster.presence(node_id(2)), node_presence::down);
  ASSERT_EQ(cluster.failures().size(), 1U);
  EXPECT_EQ(cluster.failures()[0].why.code, error_code::corrupt);
}

TEST(SimulatedCluster, ANodeWhoseFlushFailsStopsAndIsRecorded) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");
  const node_id leader = cluster.leader();

  cluster.disk(leader).fail_next(disk_fault::flush_error);
  (void)submit(cluster, leader, "b");
  cluster.run_for(3s);

  ASSERT_EQ(cluster.failures().size(), 1U);
  EXPECT_EQ(cluster.failures()[0].node, leader);
  EXPECT_EQ(cluster.status(leader).health, node_health::stopped);
  EXPECT_NE(cluster.leader(), leader);
}

TEST(SimulatedCluster, ClocksThatDriftAndLeapKeepTheClusterAtWork) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");

  cluster.set_drift(node_id(1), 5000);
  cluster.set_drift(node_id(2), -5000);
  cluster.leap_clock(node_id(3), 10s);
  cluster.leap_wall_clock(cluster.leader(), -3600s);
  cluster.run_for(20s);
  write(cluster, "b");

  EXPECT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
}

TEST(SimulatedCluster, AnOrderlyStopAndAStartKeepEverything) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");

  for (const node_id id : cluster.ids()) cluster.stop(id);
  cluster.start();
  write(cluster, "b");

  ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
  EXPECT_EQ(cluster.machine(node_id(1))->items, (std::vector<std::string>{"a", "b"}));
}

TEST(SimulatedCluster, AKilledProcessIsMissedAtOnceAndComesBack) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");
  const node_id first = cluster.leader();

  cluster.kill(first);
  write(cluster, "b");
  ASSERT_TRUE(cluster.start(first));

  ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
  EXPECT_EQ(cluster.machine(first)->items, (std::vector<std::string>{"a", "b"}));
}

TEST(SimulatedCluster, LinearizableReadsSeeWhatWasWritten) {
  list_cluster cluster;
  cluster.start();
  write(cluster, "a");

  for (const node_id id : cluster.ids()) {
    auto a = std::make_shared<answer>();
    cluster.query(id, {}, into(a));
    ASSERT_TRUE(cluster.run_until([&] { return a->is_there(); }, 5s));
    ASSERT_TRUE(a->succeeded());
    EXPECT_EQ((*a->value)->text(), "1");
  }
}

TEST(SimulatedCluster, APowerFailureInRecoveryLosesNothingThatWasAcknowledged) {
  for (std::uint32_t part = 0; part <= 1'000'000; part += 50'000) {
    SCOPED_TRACE(part);
    list_cluster cluster({.seed = part, .nodes = 1});
    cluster.start();
    const node_id only(1);
    bool acknowledged = false;
    ASSERT_TRUE(cluster.run_until([&] { return cluster.leader() == only; }, 10s));
    cluster.submit(only, shared_bytes::copy_of("kept"),
                   [&](const command_outcome& outcome) { acknowledged = outcome.has_value(); });
    ASSERT_TRUE(cluster.run_until([&] { return acknowledged; }, 10s));
    cluster.crash(only);
    const auto before = cluster.disk(only).counters();

    ASSERT_TRUE(cluster.crash_in_recovery(only, part));

    const auto after = cluster.disk(only).counters();
    EXPECT_EQ(after.power_failures, before.power_failures + 1);
    EXPECT_GT(after.reads, before.reads);
    EXPECT_EQ(cluster.presence(only), node_presence::down);
    ASSERT_TRUE(cluster.start(only));
    ASSERT_TRUE(cluster.run_until([&] { return cluster.has_converged(); }, 10s));
    EXPECT_EQ(cluster.machine(only)->items, std::vector<std::string>{"kept"});
  }
}

}  // namespace
}  // namespace mainstay::simulation
