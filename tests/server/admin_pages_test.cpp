/// What the admin port shows.
#include "server/admin_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace mainstay::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

status_report sample() {
  status_report report;
  report.id = node_id(2);
  report.cluster_id = cluster_id(0xabc);
  report.role = "leader";
  report.term = term(7);
  report.leader = node_id(2);
  report.commit_index = log_index(10);
  report.applied_index = log_index(9);
  report.last_index = log_index(11);
  report.snapshot_index = log_index(5);
  report.snapshot_bytes = 4096;
  report.members.push_back({node_id(1), "127.0.0.1:7101", "voter", log_index(8), "replicate",
                            std::chrono::milliseconds(12)});
  return report;
}

TEST(StatusJson, HasEveryFigureAndMember) {
  EXPECT_EQ(json::parse(status_json(sample())),
            json::parse(R"({"id":2,"cluster_id":"0000000000000abc",
      "role":"leader","term":7,"leader":2,"commit_index":10,"applied_index":9,"last_index":11,
      "snapshot_index":5,"snapshot_bytes":4096,
      "health":"sound","problem":"","members":[{"id":1,"address":"127.0.0.1:7101","role":"voter",
      "match_index":8,"state":"replicate","silence_ms":12}]})"));
}

TEST(StatusJson, ShowsHowFarASnapshotOnItsWayIs) {
  auto report = sample();
  report.members[0].snapshot_sent = 100;
  report.members[0].snapshot_size = 4096;

  const auto member = json::parse(status_json(report))["members"][0];

  EXPECT_EQ(member["snapshot"], (json{{"sent", 100}, {"size", 4096}}));
}

TEST(StatusJson, LeaderIsNullWhenNoneIsKnown) {
  auto report = sample();
  report.leader = {};

  EXPECT_TRUE(json::parse(status_json(report))["leader"].is_null());
}

TEST(StatusJson, AnyTextStaysJson) {
  auto report = sample();
  report.problem = "no \"space\" \xff\n";

  EXPECT_THAT(json::parse(status_json(report))["problem"].get<std::string>(),
              HasSubstr("no \"space\""));
}

TEST(ProblemJson, HasTitleStatusAndDetail) {
  EXPECT_EQ(json::parse(problem_json(404, "Not Found", "no such page")),
            json::parse(R"({"title":"Not Found","status":404,"detail":"no such page"})"));
}

TEST(FigurePublisher, AddsWhatCameSinceTheLastTime) {
  prometheus_metrics metrics;
  figure_publisher figures(metrics);
  server_counters counters;
  counters.commands = 5;
  figures.publish(counters);
  counters.commands = 12;

  figures.publish(counters);
  figures.publish(sample());

  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("\nmainstayd_commands_total 12\n"));
  EXPECT_THAT(text, HasSubstr("\nmainstay_is_leader 1\n"));
  EXPECT_THAT(text, HasSubstr("\nmainstay_commit_index 10\n"));
  EXPECT_THAT(text, HasSubstr("mainstay_peer_match_index{peer=\"1\"} 8"));
}

}  // namespace
}  // namespace mainstay::server
