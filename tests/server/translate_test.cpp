/// From Redis's commands to the machine's: options, numbers, limits and error texts.
#include "server/translate.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/machines/key_value/command.hpp"

#include "server/command_table.hpp"

namespace mainstay::server {
namespace {

using keyspace::operation;

class Translate : public testing::Test {
 protected:
  std::expected<shared_bytes, std::string> translated(std::vector<std::string_view> arguments) {
    const auto* entry = find_command(arguments.front());
    if (entry == nullptr || !arity_fits(*entry, arguments.size())) {
      return std::unexpected("no such command");
    }
    return translate(*entry, arguments, arena, limits);
  }
  std::string refusal(std::vector<std::string_view> arguments) {
    const auto outcome = translated(std::move(arguments));
    return outcome ? "none" : outcome.error();
  }
  keyspace::command_view decoded(std::vector<std::string_view> arguments) {
    kept = translated(std::move(arguments)).value();
    return keyspace::decode_command(kept.text()).value();
  }

  byte_arena arena;
  server_limits limits;
  shared_bytes kept;
};

// Every command of the table that is not local must come out as something the machine knows.
TEST_F(Translate, EveryRemoteCommandIsOneThatTheMachineKnows) {
  for (const auto& entry : all_commands()) {
    if (entry.kind == command_kind::local) continue;
    std::vector<std::string_view> arguments{entry.text};
    const int least = entry.arity < 0 ? -entry.arity : entry.arity;
    while (std::ssize(arguments) < least) arguments.push_back("1");
    const auto command = decoded(arguments);
    EXPECT_EQ(is_query(command.operation), entry.kind != command_kind::write) << entry.text;
  }
}

TEST_F(Translate, SetTakesItsOptionsInAnyOrderAndCase) {
  auto command = decoded({"set", "k", "v", "get", "IfEq", "old"});

  EXPECT_EQ(command.operation, operation::set);
  EXPECT_EQ(command.flags, keyspace::if_equal | keyspace::get_old);
  EXPECT_EQ(command.argument_count, 3U);
  EXPECT_EQ(decoded({"SET", "k", "v", "NX"}).flags, keyspace::if_absent);
  EXPECT_EQ(decoded({"SET", "k", "v", "XX", "GET"}).flags,
            keyspace::if_present | keyspace::get_old);
}

TEST_F(Translate, SetRefusesOptionsThatContradictOrDoNotExist) {
  EXPECT_EQ(refusal({"SET", "k", "v", "NX", "XX"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SET", "k", "v", "IFEQ", "a", "NX"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SET", "k", "v", "IFEQ"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SET", "k", "v", "nonsense"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "10"}), "ERR EX is not supported: keys do not expire");
  EXPECT_EQ(refusal({"SET", "k", "v", "KEEPTTL"}),
            "ERR KEEPTTL is not supported: keys do not expire");
}

TEST_F(Translate, NumbersAreReadAsRedisDoes) {
  EXPECT_EQ(refusal({"INCRBY", "k", "x"}), "ERR value is not an integer or out of range");
  EXPECT_EQ(refusal({"INCRBY", "k", "9223372036854775808"}),
            "ERR value is not an integer or out of range");
  EXPECT_EQ(refusal({"DECRBY", "k", "-9223372036854775808"}), "ERR decrement would overflow");
  auto command = decoded({"DECRBY", "k", "5"});
  command.arguments.next();
  EXPECT_EQ(static_cast<std::int64_t>(command.arguments.next_number()), -5);
}

TEST_F(Translate, ScanChecksCursorAndOptions) {
  EXPECT_EQ(refusal({"SCAN", "x"}), "ERR invalid cursor");
  EXPECT_EQ(refusal({"SCAN", "-1"}), "ERR invalid cursor");
  EXPECT_EQ(refusal({"SCAN", "0", "COUNT", "0"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SCAN", "0", "COUNT", "x"}), "ERR value is not an integer or out of range");
  EXPECT_EQ(refusal({"SCAN", "0", "COUNT"}), "ERR syntax error");
  EXPECT_EQ(refusal({"SCAN", "0", "TYPE", "string"}), "ERR syntax error");
  auto command = decoded({"SCAN", "17", "count", "1000000000", "match", "a*"});
  EXPECT_EQ(command.arguments.next_number(), 17U);
  EXPECT_EQ(command.arguments.next_number(), 100000U);
  EXPECT_EQ(command.arguments.next(), "a*");
}

TEST_F(Translate, LimitsNameWhatIsTooLong) {
  limits.key_bytes = 4;
  limits.value_bytes = 6;

  EXPECT_EQ(refusal({"GET", "12345"}), "ERR key of 5 bytes is longer than 4");
  EXPECT_EQ(refusal({"SET", "1234", "1234567"}), "ERR value of 7 bytes is longer than 6");
  EXPECT_EQ(refusal({"MSET", "a", "1", "12345", "1"}), "ERR key of 5 bytes is longer than 4");
  EXPECT_EQ(refusal({"MSET", "a", "1234567"}), "ERR value of 7 bytes is longer than 6");
  EXPECT_EQ(refusal({"MGET", "a", "12345"}), "ERR key of 5 bytes is longer than 4");
  EXPECT_EQ(refusal({"SET", "1234", "123456"}), "none");
  const std::string pattern(1025, '*');
  EXPECT_EQ(refusal({"KEYS", pattern}), "ERR pattern of 1025 bytes is longer than 1024");
  EXPECT_EQ(refusal({"SCAN", "0", "MATCH", pattern}),
            "ERR pattern of 1025 bytes is longer than 1024");
}

TEST_F(Translate, MsetNeedsPairs) {
  EXPECT_EQ(refusal({"MSET", "a", "1", "b"}), "ERR wrong number of arguments for 'mset' command");
}

TEST(CommandTable, NamesAreFoundInAnyCase) {
  ASSERT_NE(find_command("gEt"), nullptr);
  EXPECT_EQ(find_command("gEt")->name, command_name::get);
  EXPECT_EQ(find_command(""), nullptr);
  EXPECT_EQ(find_command("gett"), nullptr);
  EXPECT_EQ(find_command("averylongcommandname"), nullptr);
}

TEST(ServerLimits, DefaultsAreSoundAndEveryRuleIsNamed) {
  EXPECT_TRUE(check(server_limits{}));
  server_limits limits;
  limits.command_bytes = 100;

  const auto outcome = check(limits);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message,
            "--max-command-bytes (100) must be at least --max-key-bytes + --max-value-bytes + "
            "1024 and at most 1073741824");
}

}  // namespace
}  // namespace mainstay::server
