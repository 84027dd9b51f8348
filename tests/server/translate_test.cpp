/// From Redis's commands to the machine's: options, numbers, limits and error texts.
#include "server/translate.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/machines/key_value/command.hpp"

#include "server/command_table.hpp"
#include "server/translate_log.hpp"

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

// Every command of the table that is not local must come out as something that the key-value
// machine knows, but for those of logs, which ServerMachine has its tests for.
TEST_F(Translate, EveryRemoteCommandIsOneThatTheMachineKnows) {
  for (const auto& entry : all_commands()) {
    if (entry.kind == command_kind::local || is_log_command(entry.name)) continue;
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
}

TEST_F(Translate, SetTakesOneTimeInAnyUnit) {
  struct expected {
    const char* option;
    bool seconds;
    bool absolute;
  };
  for (const auto& [option, seconds, absolute] :
       {expected{"EX", true, false}, expected{"px", false, false}, expected{"ExAt", true, true},
        expected{"PXAT", false, true}}) {
    auto command = decoded({"SET", "k", "v", option, "-17", "XX"});
    EXPECT_EQ(command.flags, keyspace::expires | keyspace::if_present);
    ASSERT_EQ(command.argument_count, 3U);
    command.arguments.next();
    command.arguments.next();
    const auto time = command.arguments.next_time();
    EXPECT_EQ(time.number, -17);
    EXPECT_EQ(time.seconds, seconds) << option;
    EXPECT_EQ(time.absolute, absolute) << option;
  }
  EXPECT_EQ(decoded({"SET", "k", "v", "KEEPTTL", "GET"}).flags,
            keyspace::keep_deadline | keyspace::get_old);
  EXPECT_EQ(decoded({"SET", "k", "v", "IFEQ", "EX", "EX", "5"}).argument_count, 4U);
}

TEST_F(Translate, SetRefusesTimesThatContradictOrAreNone) {
  const std::string syntax = "ERR syntax error";
  EXPECT_EQ(refusal({"SET", "k", "v", "EX"}), syntax);
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "1", "PX", "1"}), syntax);
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "1", "KEEPTTL"}), syntax);
  EXPECT_EQ(refusal({"SET", "k", "v", "KEEPTTL", "EX", "1"}), syntax);
  EXPECT_EQ(refusal({"SET", "k", "v", "PERSIST"}), syntax);
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "1.5"}), "ERR value is not an integer or out of range");
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "9223372036854775808"}),
            "ERR value is not an integer or out of range");
  EXPECT_EQ(refusal({"SET", "k", "v", "EX", "x", "nonsense"}), syntax);
}

TEST_F(Translate, SetexPutsTheTimeBeforeTheValueAndRefusesUnderItsOwnName) {
  auto command = decoded({"SETEX", "k", "5", "v"});
  EXPECT_EQ(command.operation, operation::set);
  EXPECT_EQ(command.flags, keyspace::expires);
  EXPECT_EQ(command.arguments.next(), "k");
  EXPECT_EQ(command.arguments.next(), "v");
  EXPECT_TRUE(command.arguments.next_time().seconds);
  EXPECT_EQ(refusal({"SETEX", "k", "0", "v"}), "ERR invalid expire time in 'setex' command");
  EXPECT_EQ(refusal({"SETEX", "k", "9223372036854776", "v"}),
            "ERR invalid expire time in 'setex' command");
  EXPECT_EQ(refusal({"PSETEX", "k", "-1", "v"}), "ERR invalid expire time in 'psetex' command");
  EXPECT_EQ(refusal({"PSETEX", "k", "v", "1"}), "ERR value is not an integer or out of range");
  EXPECT_EQ(decoded({"PSETEX", "k", "9223372036854776", "v"}).flags, keyspace::expires);
}

TEST_F(Translate, ExpireTakesTheConditionsThatRedisTakesTogether) {
  auto command = decoded({"PEXPIREAT", "k", "-5", "xx", "gt"});
  EXPECT_EQ(command.operation, operation::expire);
  EXPECT_EQ(command.flags, keyspace::if_any | keyspace::if_later);
  command.arguments.next();
  const auto time = command.arguments.next_time();
  EXPECT_EQ(time.number, -5);
  EXPECT_FALSE(time.seconds);
  EXPECT_TRUE(time.absolute);
  EXPECT_EQ(decoded({"EXPIRE", "k", "1", "NX"}).flags, keyspace::if_none);
  EXPECT_EQ(decoded({"EXPIRE", "k", "1", "LT", "LT"}).flags, keyspace::if_earlier);

  const std::string with_nx = "ERR NX and XX, GT or LT options at the same time are not compatible";
  for (const auto* other : {"XX", "GT", "LT"}) {
    EXPECT_EQ(refusal({"EXPIRE", "k", "1", "NX", other}), with_nx);
  }
  EXPECT_EQ(refusal({"EXPIRE", "k", "1", "GT", "LT"}),
            "ERR GT and LT options at the same time are not compatible");
  EXPECT_EQ(refusal({"EXPIRE", "k", "1", "nonsense"}), "ERR Unsupported option nonsense");
  EXPECT_EQ(refusal({"EXPIRE", "k", "x"}), "ERR value is not an integer or out of range");
}

TEST_F(Translate, GetexReadsMovesOrTakesTheDeadline) {
  EXPECT_EQ(decoded({"GETEX", "k"}).flags, 0);
  EXPECT_EQ(decoded({"GETEX", "k", "persist"}).flags, keyspace::remove_deadline);
  auto command = decoded({"GETEX", "k", "EXAT", "7"});
  EXPECT_EQ(command.flags, keyspace::expires);
  command.arguments.next();
  EXPECT_TRUE(command.arguments.next_time().absolute);
  for (const std::vector<std::string_view>& wrong :
       {std::vector<std::string_view>{"GETEX", "k", "PERSIST", "EX", "1"},
        {"GETEX", "k", "EX", "1", "PERSIST"},
        {"GETEX", "k", "KEEPTTL"},
        {"GETEX", "k", "NX"},
        {"GETEX", "k", "EX"}}) {
    EXPECT_EQ(refusal(wrong), "ERR syntax error");
  }
  EXPECT_EQ(refusal({"GETEX", "k", "EX", "x"}), "ERR value is not an integer or out of range");
}

TEST_F(Translate, TimesAreAskedInTheUnitOfTheCommand) {
  EXPECT_EQ(decoded({"TTL", "k"}).flags, keyspace::in_seconds);
  EXPECT_EQ(decoded({"PTTL", "k"}).flags, 0);
  EXPECT_EQ(decoded({"EXPIRETIME", "k"}).flags, keyspace::in_seconds);
  EXPECT_EQ(decoded({"PEXPIRETIME", "k"}).flags, 0);
  EXPECT_EQ(decoded({"EXPIRE", "k", "1"}).operation, operation::expire);
  auto command = decoded({"PEXPIRE", "k", "1"});
  command.arguments.next();
  EXPECT_FALSE(command.arguments.next_time().seconds);
}

TEST_F(Translate, ValuesBesideTimesAreMeasuredToo) {
  limits.value_bytes = 4;
  limits.key_bytes = 8;
  EXPECT_EQ(refusal({"SETEX", "k", "100", "12345"}), "ERR value of 5 bytes is longer than 4");
  EXPECT_EQ(refusal({"SETEX", "k", "1000000", "1234"}), "none");
  EXPECT_EQ(refusal({"EXPIRE", "k", "123456789012"}), "none");
  EXPECT_EQ(refusal({"GETEX", "k", "PXAT", "1790000000000"}), "none");
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
