/// Pictures of clusters from the answers of their nodes.
#include "cli/cluster_status.hpp"

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

node_report report_of(std::uint64_t id, const std::string& role, std::uint64_t term) {
  node_report r{id, "7", role, term, 1, 90, 80, 100, {}};
  for (std::uint64_t member = 1; member <= 3; ++member) {
    r.members.push_back({member, "host:" + std::to_string(7000 + member), "voter", 0, "probe"});
  }
  return r;
}

asked_node answered(node_report report) { return {endpoint{"host", 8000}, std::move(report)}; }

asked_node silent() {
  return {endpoint{"host", 8009}, fail(error_code::unreachable, "host:8009: cannot connect")};
}

node_report leader_of_three() {
  auto leader = report_of(1, "leader", 4);
  leader.members[1].match_index = 97;
  leader.members[1].state = "replicate";
  leader.members[2].match_index = 100;
  leader.members[2].state = "replicate";
  return leader;
}

TEST(ClusterStatus, LagAndStateAreTheLeadersView) {
  const auto status = assemble({answered(report_of(2, "follower", 4)), answered(leader_of_three()),
                                answered(report_of(3, "follower", 4))});

  ASSERT_EQ(status.rows.size(), 3U);
  EXPECT_EQ(status.leader, 1U);
  EXPECT_EQ(status.rows[0].state, "leads");
  EXPECT_EQ(status.rows[1].id, 2U);
  EXPECT_EQ(status.rows[1].lag, 3U);
  EXPECT_EQ(status.rows[1].state, "replicate");
  EXPECT_EQ(status.rows[1].address, "host:7002");
  EXPECT_EQ(status.rows[2].lag, 0U);
  EXPECT_EQ(verdict_on(status), exit_code::done);
}

TEST(ClusterStatus, UnreachableEndpointIsToldAndDegrades) {
  const auto status =
      assemble({answered(leader_of_three()), answered(report_of(2, "follower", 4)), silent()});

  EXPECT_EQ(verdict_on(status), exit_code::degraded);
  EXPECT_NE(to_table(status).find("host:8009: cannot connect"), std::string::npos);
}

TEST(ClusterStatus, MemberThatNobodyWasAskedForHasARow) {
  const auto status =
      assemble({answered(leader_of_three()), answered(report_of(2, "follower", 4))});

  ASSERT_EQ(status.rows.size(), 3U);
  EXPECT_EQ(status.rows[2].id, 3U);
  EXPECT_EQ(status.rows[2].lag, 0U);
  EXPECT_FALSE(status.rows[2].report);
  EXPECT_EQ(verdict_on(status), exit_code::degraded);
}

TEST(ClusterStatus, LeaderOfTheNewestTermCounts) {
  auto deposed = report_of(2, "leader", 3);
  deposed.leader = 2;

  const auto status = assemble(
      {answered(deposed), answered(leader_of_three()), answered(report_of(3, "follower", 4))});

  EXPECT_EQ(status.leader, 1U);
}

TEST(ClusterStatus, ClusterWithoutLeaderIsDegraded) {
  std::vector<asked_node> asked;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    auto report = report_of(id, "candidate", 5);
    report.leader = 0;
    asked.push_back(answered(std::move(report)));
  }

  const auto status = assemble(asked);

  EXPECT_FALSE(status.leader);
  EXPECT_EQ(verdict_on(status), exit_code::degraded);
}

TEST(ClusterStatus, NobodyAnsweringIsUnavailable) {
  EXPECT_EQ(verdict_on(assemble({silent(), silent()})), exit_code::unavailable);
}

TEST(ClusterStatus, NodesOfDifferentClustersAreToldApart) {
  auto stranger = report_of(3, "follower", 4);
  stranger.cluster_id = "8";

  const auto status = assemble(
      {answered(leader_of_three()), answered(report_of(2, "follower", 4)), answered(stranger)});

  EXPECT_EQ(verdict_on(status), exit_code::degraded);
  EXPECT_NE(to_table(status).find("different clusters"), std::string::npos);
}

TEST(ClusterStatus, MatchBeyondTheLeadersEndIsNoLag) {
  auto leader = leader_of_three();
  leader.members[1].match_index = 1000;

  EXPECT_EQ(assemble({answered(leader), answered(report_of(2, "follower", 4))}).rows[1].lag, 0U);
}

TEST(NodeReport, IsReadFromJson) {
  const auto report = parse_node_report(
      R"({"id":2,"cluster_id":"ab","role":"follower","term":3,"leader":1,"commit_index":9,
          "applied_index":8,"last_index":10,"members":[{"id":1,"address":"h:1","role":"voter",
          "match_index":5,"state":"replicate"}],"more":true})");

  ASSERT_TRUE(report);
  EXPECT_EQ(report->role, "follower");
  EXPECT_EQ(report->applied_index, 8U);
  ASSERT_EQ(report->members.size(), 1U);
  EXPECT_EQ(report->members[0].match_index, 5U);
}

TEST(NodeReport, WhatIsNoStatusIsMalformed) {
  for (const auto* body : {"", "[]", "{}", "{\"id\":\"x\"}", "{\"id\":-1}", "not json"}) {
    EXPECT_FALSE(parse_node_report(body)) << body;
  }
}

}  // namespace
}  // namespace mainstay::cli
