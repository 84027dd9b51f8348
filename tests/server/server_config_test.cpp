/// mainstayd's configuration: file and flags, and what is said of every mistake.
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/config.hpp"
#include "server/setting_table.hpp"
#include "server/settings.hpp"

namespace mainstay::server {
namespace {

using testing::HasSubstr;

const std::string sound = R"(id = 2
data = "/tmp/data"
cluster = "1=127.0.0.1:7101,2=127.0.0.1:7102,3=127.0.0.1:7103"
resp = "127.0.0.1:6402"
http = "127.0.0.1:8102"
)";

result<server_config> parse(const std::string& text) {
  const auto given = read_toml(text, "f.toml");
  if (!given) return std::unexpected(given.error());
  return make_config(*given);
}

std::string refusal(const std::string& text) {
  const auto config = parse(text);
  return config ? "none" : config.error().message;
}

/// The sound configuration with the line of one setting replaced.
std::string with(const std::string& name, const std::string& line) {
  std::string text;
  std::size_t from = 0;
  while (from < sound.size()) {
    const auto end = sound.find('\n', from) + 1;
    if (!sound.substr(from, end - from).starts_with(name + " ")) {
      text += sound.substr(from, end - from);
    }
    from = end;
  }
  return text + line + "\n";
}

TEST(ServerConfig, FileGivesEverySetting) {
  const auto config = parse(sound + R"(election-timeout-min = 500
election-timeout-max = 900
heartbeat-interval = 100
segment-bytes = 33554432
persistence = "rocksdb"
log-level = "debug"
log-format = "json"
cluster-id = 77
max-key-bytes = 100
idle-timeout = 60000
)");

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->node.id, node_id(2));
  EXPECT_EQ(config->node.members.voters.size(), 3U);
  EXPECT_EQ(config->cluster, cluster_id(77));
  EXPECT_EQ(config->node.core.election_timeout_min, std::chrono::milliseconds(500));
  EXPECT_EQ(config->node.core.heartbeat_interval, std::chrono::milliseconds(100));
  EXPECT_EQ(config->segment_bytes, 33554432U);
  EXPECT_EQ(config->persistence, "rocksdb");
  EXPECT_TRUE(config->levels.enabled("node", log_level::debug));
  EXPECT_EQ(config->format, log_format::json);
  EXPECT_EQ(config->limits.key_bytes, 100U);
  EXPECT_EQ(config->limits.idle_time, std::chrono::minutes(1));
}

TEST(ServerConfig, ClusterIdFollowsFromTheMembersInAnyOrder) {
  const auto one = parse(sound);
  const auto other =
      parse(with("cluster", "cluster = \"3=127.0.0.1:7103,1=127.0.0.1:7101,2=127.0.0.1:7102\""));
  const auto moved =
      parse(with("cluster", "cluster = \"3=127.0.0.1:7109,1=127.0.0.1:7101,2=127.0.0.1:7102\""));

  ASSERT_TRUE(one && other && moved);
  EXPECT_EQ(one->cluster, other->cluster);
  EXPECT_NE(one->cluster, moved->cluster);
  EXPECT_TRUE(one->cluster);
}

TEST(ServerConfig, MistakesOfTheFileNameTheLine) {
  EXPECT_THAT(refusal(sound + "nonsense = 1\n"), HasSubstr("f.toml:6: nonsense is not a setting"));
  EXPECT_THAT(refusal(sound + "[limits]\nid = 1\n"),
              HasSubstr("f.toml:6: limits is not a setting"));
  EXPECT_THAT(refusal(with("data", "data = 1.5")),
              HasSubstr("f.toml:5: data must be a string, a whole number"));
  EXPECT_THAT(refusal(sound + "x = \n"), HasSubstr("f.toml:6: "));
  EXPECT_THAT(refusal(sound + "id = 3\n"), HasSubstr("f.toml:6: "));
}

TEST(ServerConfig, RequiredSettingsAreNamed) {
  EXPECT_EQ(refusal(with("id", "")), "--id is missing");
  EXPECT_EQ(refusal(with("data", "")), "--data is missing");
  EXPECT_EQ(refusal(with("cluster", "")), "--cluster is missing, or --join");
}

TEST(ServerConfig, ValuesThatAreNoNumbersAreRefused) {
  EXPECT_EQ(refusal(with("id", "id = -1")), "f.toml:5: id (\"-1\") must be a whole number");
  EXPECT_EQ(refusal(with("id", "id = \"two\"")), "f.toml:5: id (\"two\") must be a whole number");
  EXPECT_THAT(refusal(sound + "heartbeat-interval = 99999999999\n"), HasSubstr("at most one day"));
  EXPECT_THAT(refusal(sound + "insecure = 1\n"), HasSubstr("must be one of true, false"));
}

TEST(ServerConfig, RulesBetweenSettingsAreChecked) {
  EXPECT_THAT(refusal(with("id", "id = 4")), HasSubstr("4"));
  EXPECT_THAT(refusal(with("id", "id = 0")), HasSubstr("id (0) must not be 0"));
  EXPECT_THAT(refusal(sound + "election-timeout-min = 40\n"),
              HasSubstr("must exceed heartbeat_interval"));
  EXPECT_THAT(refusal(sound + "persistence = \"sqlite\"\n"),
              HasSubstr("(\"sqlite\") must be one of wal, rocksdb, memory"));
  EXPECT_THAT(refusal(sound + "segment-bytes = 70000\n"), HasSubstr("--segment-bytes (70000)"));
  EXPECT_THAT(refusal(sound + "segment-bytes = 8388608\n"),
              HasSubstr("--max-command-bytes (4194304) must be at most a quarter"));
  EXPECT_THAT(refusal(sound + "cluster-id = 0\n"), HasSubstr("--cluster-id must not be 0"));
  EXPECT_THAT(refusal(sound + "log-level = \"loud\"\n"), HasSubstr("\"loud\" is neither a level"));
  EXPECT_THAT(refusal(sound + "log-format = \"xml\"\n"), HasSubstr("must be one of text, json"));
  EXPECT_THAT(refusal(sound + "max-key-bytes = 100000\n"), HasSubstr("--max-key-bytes (100000)"));
  EXPECT_THAT(refusal(with("cluster", "cluster = \"1=x\"")), HasSubstr("HOST:PORT"));
}

TEST(ServerConfig, WhoJoinsNamesPortsAndItsOwnAddressInPlaceOfTheMembers) {
  const auto joining = with("cluster", R"(join = "127.0.0.1:8101,127.0.0.1:8103"
address = "127.0.0.1:7104")");

  const auto config = parse(joining);

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->join, (std::vector<cli::endpoint>{{"127.0.0.1", 8101}, {"127.0.0.1", 8103}}));
  EXPECT_EQ(address_of(*config), "127.0.0.1:7104");
  EXPECT_FALSE(config->cluster);  // nothing starts before it is known
  EXPECT_EQ(parse(joining + "cluster-id = 7\n")->cluster, cluster_id(7));
  EXPECT_TRUE(parse(joining + "learner = true\n")->is_learner);
}

TEST(ServerConfig, JoiningIsCheckedAsAWhole) {
  const std::string ports = "join = \"127.0.0.1:8101\"\n";
  EXPECT_THAT(refusal(with("cluster", ports)), HasSubstr("--address is missing"));
  EXPECT_THAT(refusal(sound + ports), HasSubstr("exclude each other"));
  EXPECT_THAT(refusal(with("cluster", "join = \"8101\"\naddress = \"127.0.0.1:7104\"")),
              HasSubstr("join: endpoint '8101'"));
  EXPECT_THAT(refusal(with("cluster", ports + "address = \"10.0.0.1:7104\"")),
              HasSubstr("--address: 10.0.0.1:7104 is beyond loopback"));
}

// Peers may be told of a new address before the node moves there; its list of members stays.
TEST(ServerConfig, AnAddressOfItsOwnTakesThePlaceOfTheOneInTheList) {
  const auto config = parse(sound + "address = \"127.0.0.1:7777\"\n");

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(address_of(*config), "127.0.0.1:7777");
  EXPECT_EQ(config->cluster, parse(sound)->cluster);
}

// Hazard H1: a quarter of a segment must hold the largest command with its frame, not without it.
TEST(ServerConfig, TheLargestCommandFitsIntoTheLogWithItsFrame) {
  const std::string quarter = sound + "segment-bytes = 16777216\n";

  EXPECT_THAT(refusal(quarter + "max-command-bytes = 4194304\n"),
              HasSubstr("--max-command-bytes (4194304) must be at most a quarter"));
  EXPECT_EQ(refusal(quarter + "max-command-bytes = 4193280\n"), "none");
  EXPECT_EQ(refusal(quarter + "persistence = \"rocksdb\"\nmax-command-bytes = 8388608\n"), "none");
}

TEST(ServerConfig, AddressesAreTakenApart) {
  EXPECT_THAT(refusal(with("resp", "resp = \"6401\"")), HasSubstr("write HOST:PORT"));
  EXPECT_THAT(refusal(with("resp", "resp = \"127.0.0.1:99999\"")), HasSubstr("write HOST:PORT"));
  EXPECT_THAT(refusal(with("resp", "resp = \"::1:6401\"")), HasSubstr("write HOST:PORT"));
  EXPECT_EQ(refusal(with("resp", "resp = \"[::1]:6401\"")), "none");
}

TEST(ServerConfig, TwoPortsOfOneNodeMustDiffer) {
  EXPECT_THAT(refusal(with("resp", "resp = \"127.0.0.1:8102\"")), HasSubstr("must differ"));
  EXPECT_THAT(refusal(with("http", "http = \"127.0.0.1:7102\"")), HasSubstr("must differ"));
  EXPECT_EQ(refusal(with("resp", "resp = \"127.0.0.1:7101\"")), "none");
}

// Nothing is encrypted, so that leaving the machine has to be said aloud.
TEST(ServerConfig, AddressesBeyondLoopbackNeedInsecure) {
  for (const auto& [name, line] : std::vector<std::pair<std::string, std::string>>{
           {"resp", "resp = \"10.0.0.1:6401\""},
           {"http", "http = \"0.0.0.0:8101\""},
           {"resp", "resp = \"localhost.example.com:6401\""},
           {"cluster", "cluster = \"1=10.0.0.1:7101,2=127.0.0.1:7102,3=127.0.0.1:7103\""}}) {
    EXPECT_THAT(refusal(with(name, line)), HasSubstr("--insecure")) << line;
    EXPECT_EQ(refusal(with(name, line) + "insecure = true\n"), "none") << line;
  }
}

class CommandLine : public testing::Test {
 protected:
  static result<command_line> read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "mainstayd");
    return read_command_line(static_cast<int>(arguments.size()), arguments.data());
  }
  static std::string file_with(const std::string& text) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    auto name = testing::TempDir() + "mainstay_" + test->name() + ".toml";
    std::ofstream(name) << text;
    return name;
  }
};

TEST_F(CommandLine, FlagsAreEnough) {
  const auto line = read({"--id", "1", "--data", "d", "--cluster", "1=127.0.0.1:7101", "--resp",
                          "127.0.0.1:6401", "--http=127.0.0.1:8101", "--max-key-bytes", "9"});

  ASSERT_TRUE(line) << line.error().message;
  const auto config = make_config(line->given);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->limits.key_bytes, 9U);
  EXPECT_FALSE(line->check_only);
}

TEST_F(CommandLine, FlagsOverrideTheFile) {
  const auto file = file_with(sound);

  const auto line = read({"--config", file.c_str(), "--id", "3", "--check-config"});

  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(make_config(line->given)->node.id, node_id(3));
  EXPECT_EQ(make_config(line->given)->resp, "127.0.0.1:6402");
  EXPECT_TRUE(line->check_only);
}

TEST_F(CommandLine, InsecureIsAFlagWithoutAValue) {
  const auto file = file_with(sound);

  const auto line = read({"--config", file.c_str(), "--resp", "0.0.0.0:6401", "--insecure"});

  ASSERT_TRUE(line) << line.error().message;
  EXPECT_TRUE(make_config(line->given));
}

TEST_F(CommandLine, MistakesSayWhere) {
  const auto unknown = read({"--no-such-flag"});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("--no-such-flag"));

  const auto missing = read({"--config", "/no/such/file"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/no/such/file"));

  const auto wrong = read({"--id", "x", "--data", "d", "--cluster", "1=127.0.0.1:7101"});
  ASSERT_TRUE(wrong);
  EXPECT_EQ(make_config(wrong->given).error().message, "--id (\"x\") must be a whole number");
}

TEST_F(CommandLine, HelpNamesEverySetting) {
  const auto help = read({"--help"}).value().help;

  for (const auto& entry : setting_table) {
    EXPECT_THAT(help, HasSubstr("--" + std::string(entry.name)));
  }
}

}  // namespace
}  // namespace mainstay::server
