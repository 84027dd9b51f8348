/// Configuration validation (R23): every rule refuses with a message that names field, value, rule.
#include "mainstay/node/options.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace mainstay {
namespace {

using namespace std::chrono_literals;

node_options good() {
  node_options o{.id = node_id(1)};
  o.members.voters = {{node_id(1), "host:1"}, {node_id(2), "host:2"}};
  return o;
}

TEST(NodeOptions, DefaultsAreValid) { EXPECT_TRUE(check(good())); }

/// A change that breaks one rule, and what the message has to name.
struct breach {
  const char* name;
  std::function<void(node_options&)> make;
  std::vector<std::string> named;
};

class NodeOptionsRule : public ::testing::TestWithParam<breach> {};

TEST_P(NodeOptionsRule, IsHeldAndExplained) {
  auto o = good();
  GetParam().make(o);

  const auto checked = check(o);

  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, error_code::invalid_argument);
  for (const auto& part : GetParam().named) {
    EXPECT_NE(checked.error().message.find(part), std::string::npos)
        << part << " is missing in: " << checked.error().message;
  }
}

const breach breaches[] = {
    {"id", [](auto& o) { o.id = {}; }, {"id", "0"}},
    {"group", [](auto& o) { o.group = {}; }, {"group", "0"}},
    {"no_members", [](auto& o) { o.members = {}; }, {"members", "empty"}},
    {"not_a_member", [](auto& o) { o.id = node_id(7); }, {"members", "(7)"}},
    {"doubled_member", [](auto& o) { o.members.voters[1].id = node_id(1); }, {"members", "1"}},
    {"core", [](auto& o) { o.core.max_command_bytes = 0; }, {"core.max_command_bytes", "(0)", "1"}},
    {"request_vote",
     [](auto& o) { o.timeouts.request_vote = 0ms; },
     {"timeouts.request_vote", "0.0", "1 ms"}},
    {"append_entries",
     [](auto& o) { o.timeouts.append_entries = 49ms; },
     {"timeouts.append_entries", "49.0", "core.heartbeat_interval (50.0"}},
    {"read_index",
     [](auto& o) { o.timeouts.read_index = 500us; },
     {"timeouts.read_index", "0.5", "1 ms"}},
    {"install_snapshot",
     [](auto& o) { o.timeouts.install_snapshot = 49ms; },
     {"timeouts.install_snapshot", "49.0", "core.heartbeat_interval (50.0"}},
    {"snapshots_retry",
     [](auto& o) { o.snapshots.retry = 0ms; },
     {"snapshots.retry", "0.0", "1 ms"}},
    {"forward_commands",
     [](auto& o) { o.timeouts.forward_commands = 2h; },
     {"timeouts.forward_commands", "7200000.0", "one hour"}},
    {"disk_full_retry",
     [](auto& o) { o.disk_full_retry = 0ms; },
     {"disk_full_retry", "0.0", "1 ms"}},
    {"disk_full_retry_long",
     [](auto& o) { o.disk_full_retry = 61min; },
     {"disk_full_retry", "3660000.0", "one hour"}},
    {"max_pending_bytes",
     [](auto& o) { o.max_pending_bytes = o.core.max_command_bytes; },
     {"max_pending_bytes (4194304)", "core.max_command_bytes"}},
    {"max_pending_bytes_huge",
     [](auto& o) { o.max_pending_bytes = ~std::uint64_t{0}; },
     {"max_pending_bytes", "2^40"}},
    {"max_forward_bytes",
     [](auto& o) { o.max_forward_bytes = 1023; },
     {"max_forward_bytes (1023)", "1024"}},
    {"max_forward_bytes_huge",
     [](auto& o) { o.max_forward_bytes = (64 << 20) + 1; },
     {"max_forward_bytes (67108865)", "67108864"}},
};
INSTANTIATE_TEST_SUITE_P(Each, NodeOptionsRule, ::testing::ValuesIn(breaches),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(NodeOptions, LargestCommandFitsTheSmallestBudget) {
  auto o = good();
  o.max_pending_bytes = o.core.max_command_bytes + 256;
  EXPECT_TRUE(check(o));
}

TEST(ParseMembers, ReadsAListInAnyOrder) {
  const auto members = parse_members("2=b:7102,1=a:7101,3=[::1]:7103");

  ASSERT_TRUE(members);
  EXPECT_EQ(members->voters,
            (std::vector<core::member>{
                {node_id(1), "a:7101"}, {node_id(2), "b:7102"}, {node_id(3), "[::1]:7103"}}));
}

class ParseMembersRefuses : public ::testing::TestWithParam<const char*> {};

TEST_P(ParseMembersRefuses, WithAMessageAboutMembers) {
  const auto members = parse_members(GetParam());

  ASSERT_FALSE(members) << GetParam();
  EXPECT_EQ(members.error().code, error_code::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(BadInputs, ParseMembersRefuses,
                         ::testing::Values("", ",", "1=a:1,", ",1=a:1", "1=a:1,,2=b:2", "a:1",
                                           "=a:1", "0=a:1", "-1=a:1", "+1=a:1", "1 =a:1", " 1=a:1",
                                           "1x=a:1", "0x1=a:1", "18446744073709551616=a:1",
                                           "1=", "1=a", "1=a:", "1=:1", "1=a:0", "1=a:65536",
                                           "1=a:x", "1=a:1x", "1=a:-1", "1=a:1;2=b:2", "1= a:1",
                                           "1=a:1 ", "1=a:1,1=b:2"));

TEST(ParseMembers, MessageQuotesThePartAndShowsTheForm) {
  const auto members = parse_members("1=a:1,2=b");

  ASSERT_FALSE(members);
  EXPECT_NE(members.error().message.find("\"2=b\""), std::string::npos);
  EXPECT_NE(members.error().message.find("ID=HOST:PORT"), std::string::npos);
}

}  // namespace
}  // namespace mainstay
