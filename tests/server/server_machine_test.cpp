/// The server's machine as clients know it: words in, replies out, without connections. Then the
/// kit for machines holds it to its contract.
#include "server/server_machine.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/simulation/machine_check.hpp"

#include "server/limits.hpp"
#include "server/lock_command.hpp"
#include "server/resp/reply_writer.hpp"
#include "server/translate.hpp"
#include "tests/machines/machine_harness.hpp"

namespace mainstay::server {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

/// The machine's form of a command, or the text of an error.
std::expected<shared_bytes, std::string> command(std::string_view line) {
  static const server_limits limits;
  const auto words = words_of(line);
  const auto* entry = command_of(words);
  if (entry == nullptr || !arity_fits(*entry, words.size()))
    return std::unexpected("ERR arguments");
  byte_arena arena(64);
  return translate(*entry, words, arena, limits);
}

/// The reply, with blanks for line breaks; `at` is the log time in milliseconds.
std::string say(server_machine& machine, std::string_view line, std::int64_t at = 1000) {
  const auto payload = command(line);
  if (!payload) return "-" + payload.error();
  const auto kind = command_of(words_of(line))->kind;
  const auto answer =
      kind == command_kind::write ? apply(machine, *payload, at) : machine.query(*payload).value();
  std::string text;
  resp::reply_writer(text, resp::protocol::resp2).answer(answer.text());
  std::string flat;
  for (const char c : text) {
    if (c != '\r') flat += c == '\n' ? ' ' : c;
  }
  if (!flat.empty()) flat.pop_back();
  return flat;
}

constexpr const char* wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";

TEST(ServerMachine, ALogIsAppendedToAndRead) {
  server_machine machine;

  EXPECT_EQ(say(machine, "XADD log * f 1", 5), "$3 5-0");
  EXPECT_EQ(say(machine, "XADD log * f 2 g 3", 5), "$3 5-1");
  EXPECT_EQ(say(machine, "XADD log 7-* f 4", 5), "$3 7-0");
  EXPECT_EQ(say(machine, "XLEN log"), ":3");
  EXPECT_EQ(say(machine, "XLEN none"), ":0");
  EXPECT_EQ(say(machine, "XRANGE log - + COUNT 2"),
            "*2 *2 $3 5-0 *2 $1 f $1 1 *2 $3 5-1 *4 $1 f $1 2 $1 g $1 3");
  EXPECT_EQ(say(machine, "XRANGE log (5-0 6"), "*1 *2 $3 5-1 *4 $1 f $1 2 $1 g $1 3");
  EXPECT_EQ(say(machine, "XRANGE log 7 (7-0"), "*0");
  EXPECT_EQ(say(machine, "XRANGE log - + COUNT 0"), "*0");
  EXPECT_EQ(say(machine, "XRANGE none - +"), "*0");
}

TEST(ServerMachine, IdsThatCannotBeAreRefusedInRedisWords) {
  server_machine machine;
  say(machine, "XADD log 5-5 f 1");

  const auto* small =
      "-ERR The ID specified in XADD is equal or smaller than the target stream "
      "top item";
  const auto* invalid = "-ERR Invalid stream ID specified as stream command argument";
  EXPECT_EQ(say(machine, "XADD log 5-5 f 1"), small);
  EXPECT_EQ(say(machine, "XADD log 4-* f 1"), small);
  EXPECT_EQ(say(machine, "XADD log 0-0 f 1"),
            "-ERR The ID specified in XADD must be greater than 0-0");
  EXPECT_EQ(say(machine, "XADD log five f 1"), invalid);
  EXPECT_EQ(say(machine, "XRANGE log ( +"), invalid);
  EXPECT_EQ(say(machine, "XADD log * f"), "-ERR arguments");
  EXPECT_EQ(say(machine, "XADD log * f 1 g"), "-ERR wrong number of arguments for 'xadd' command");
  EXPECT_EQ(say(machine, "XRANGE log - + COUNT x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(say(machine, "XLEN log"), ":1");
}

TEST(ServerMachine, ALogCanBeBounded) {
  server_machine machine;
  for (int i = 1; i < 9; ++i) say(machine, "XADD log MAXLEN 5 " + std::to_string(i) + " f 1");

  EXPECT_EQ(say(machine, "XLEN log"), ":5");
  EXPECT_EQ(say(machine, "XTRIM log MAXLEN = 2"), ":3");
  EXPECT_EQ(say(machine, "XTRIM none MAXLEN ~ 2"), ":0");
  EXPECT_EQ(say(machine, "XTRIM log MAXLEN -1"), "-ERR The MAXLEN argument must be >= 0.");
  EXPECT_EQ(say(machine, "XTRIM log MINID 5"), "-ERR syntax error");
  EXPECT_EQ(say(machine, "XRANGE log - (8-0"), "*1 *2 $3 7-0 *2 $1 f $1 1");
  EXPECT_EQ(say(machine, "XADD other NOMKSTREAM * f 1"), "$-1");
  EXPECT_EQ(say(machine, "EXISTS other"), ":0");
}

TEST(ServerMachine, AKeyHoldsAStringOrALog) {
  server_machine machine;
  say(machine, "SET text 1");
  say(machine, "XADD log 1-1 f 1");

  for (const auto* line :
       {"XADD text * f 1", "XLEN text", "XRANGE text - +", "XTRIM text MAXLEN 1", "GET log",
        "SET log 1", "SET log 1 NX", "SETNX log 1", "INCR log", "APPEND log 1", "GETDEL log",
        "GETSET log 1", "GETEX log", "STRLEN log", "MSET text 2 log 2"}) {
    EXPECT_EQ(say(machine, line), wrong) << line;
  }
  EXPECT_EQ(say(machine, "GET text"), "$1 1");
  EXPECT_EQ(say(machine, "MGET text log"), "*2 $1 1 $-1");
  EXPECT_EQ(say(machine, "TYPE log"), "+stream");
  EXPECT_EQ(say(machine, "TYPE text"), "+string");
  EXPECT_EQ(say(machine, "PTTL log"), ":-1");
  EXPECT_EQ(say(machine, "PERSIST log"), ":0");
  EXPECT_EQ(say(machine, "EXPIRE log 1"), "-ERR a stream does not expire; DEL removes it");
}

TEST(ServerMachine, KeysAreCountedListedAndRemovedWhateverTheyHold) {
  server_machine machine;
  say(machine, "SET text 1");
  say(machine, "XADD log 1-1 f 1");

  EXPECT_EQ(say(machine, "DBSIZE"), ":2");
  EXPECT_EQ(say(machine, "EXISTS text log none log"), ":3");
  EXPECT_EQ(say(machine, "KEYS *"), "*2 $4 text $3 log");
  EXPECT_EQ(say(machine, "KEYS l*"), "*1 $3 log");
  EXPECT_EQ(say(machine, "SCAN 0"), "*2 $1 0 *2 $4 text $3 log");
  EXPECT_EQ(say(machine, "DEL log text log"), ":2");
  EXPECT_EQ(say(machine, "DBSIZE"), ":0");
  say(machine, "XADD log 1-1 f 1");
  EXPECT_EQ(say(machine, "FLUSHALL"), "+OK");
  EXPECT_EQ(say(machine, "XLEN log"), ":0");
}

TEST(ServerMachine, AStringThatHasExpiredMakesRoomForALog) {
  server_machine machine;
  say(machine, "SET key 1 PX 10", 1000);

  EXPECT_EQ(say(machine, "XADD key * f 1", 1010), wrong);
  EXPECT_EQ(say(machine, "XADD key * f 1", 1011), "$6 1011-0");
  EXPECT_EQ(say(machine, "DBSIZE"), ":1");
}

TEST(ServerMachine, LocksHaveTokensAndAQueue) {
  server_machine machine;

  EXPECT_EQ(say(machine, "MAINSTAY LOCK door ann 1000", 1), "*2 :1 :0");
  EXPECT_EQ(say(machine, "MAINSTAY LOCK door bob 1000", 2), "$-1");
  EXPECT_EQ(say(machine, "MAINSTAY LOCK door bob 1000 WAIT", 3), "*2 :0 :1");
  EXPECT_EQ(say(machine, "MAINSTAY HOLDER door"), "*4 $3 ann :1 :1001 :1");
  EXPECT_EQ(say(machine, "MAINSTAY UNLOCK door cat", 4), ":0");
  EXPECT_EQ(say(machine, "mainstay unlock door ann", 5), ":1");
  EXPECT_EQ(say(machine, "MAINSTAY HOLDER door"), "*4 $3 bob :2 :1005 :0");
  EXPECT_EQ(say(machine, "GET door"), "$-1");
  EXPECT_EQ(say(machine, "DBSIZE", 1005), ":0");
  machine.advance_time({1'005'000});
  EXPECT_EQ(say(machine, "MAINSTAY HOLDER door"), "$-1");
}

TEST(ServerMachine, LocksRefuseInRedisWords) {
  server_machine machine;

  EXPECT_EQ(say(machine, "MAINSTAY LOCK door ann x"),
            "-ERR value is not an integer or out of range");
  EXPECT_EQ(say(machine, "MAINSTAY LOCK door ann 0"),
            "-ERR invalid expire time in 'mainstay|lock' command");
  EXPECT_EQ(say(machine, "MAINSTAY LOCK door ann 1 SOON"), "-ERR syntax error");
  EXPECT_EQ(say(machine, "MAINSTAY LOCK door ann"), "-ERR arguments");
}

TEST(ServerMachine, TheNextEndIsThatOfAKeyOrALock) {
  server_machine machine;
  EXPECT_EQ(machine.next_expiry(), std::nullopt);

  say(machine, "SET key 1 PX 500", 0);
  EXPECT_EQ(machine.next_expiry(), log_time{501'000});
  say(machine, "MAINSTAY LOCK door ann 100", 0);
  EXPECT_EQ(machine.next_expiry(), log_time{100'000});
  say(machine, "MAINSTAY UNLOCK door ann", 0);
  EXPECT_EQ(machine.next_expiry(), log_time{501'000});
}

TEST(ServerMachine, AnythingElseChangesNothing) {
  server_machine machine;
  const auto before = image_of(machine);

  for (const std::string_view bytes :
       {"\x02", "\x02\x01", "\x02\x09", "\x03", "\x03\x01", "\x03\x09zzz", "\x04", ""}) {
    const auto payload = shared_bytes::copy_of(bytes);
    EXPECT_FALSE(apply(machine, payload, 0).empty());
    EXPECT_FALSE(machine.query(payload).value().empty());
  }
  EXPECT_EQ(image_of(machine), before);
}

// Upgrade and downgrade, node by node: until logs or locks are used, an image is the older
// machine's.
TEST(ServerMachineImage, WithoutLogsAndLocksItIsTheKeyValueMachines) {
  server_machine machine;
  key_value before;
  for (const auto* line : {"SET a 1", "SET b 2 PX 100", "INCR a"}) {
    apply(before, *command(line), 50);
    say(machine, line, 50);
  }

  EXPECT_EQ(image_of(machine), image_of(before));
  server_machine other;
  ASSERT_TRUE(restore(other, image_of(before), 1));
  EXPECT_EQ(say(other, "GET a"), "$1 2");
}

TEST(ServerMachineImage, WithThemTheOlderMachineRefusesItByItsVersion) {
  server_machine with_log;
  say(with_log, "XADD log 1-1 f 1");
  server_machine with_lock;
  say(with_lock, "MAINSTAY LOCK door ann 1000");
  say(with_lock, "MAINSTAY UNLOCK door ann");
  key_value older;

  EXPECT_EQ(restore(older, image_of(with_log)).error().code, error_code::unsupported);
  EXPECT_EQ(restore(older, image_of(with_lock)).error().code, error_code::unsupported);
}

TEST(ServerMachineImage, HoldsEverything) {
  server_machine machine;
  say(machine, "SET text 1");
  say(machine, "XADD log 1-1 f 1");
  say(machine, "XADD other 2-2 f 2");
  say(machine, "MAINSTAY LOCK door ann 1000");
  auto frozen = machine.freeze();
  say(machine, "XADD log * f 2");
  say(machine, "DEL other text");
  server_machine other;
  say(other, "XADD old 1-1 f 1");

  ASSERT_TRUE(restore(other, image_of(frozen), 3));

  EXPECT_EQ(image_of(other), image_of(frozen));
  EXPECT_EQ(say(other, "KEYS *"), "*3 $4 text $3 log $5 other");
  EXPECT_EQ(say(other, "XLEN log"), ":1");
  EXPECT_EQ(say(other, "MAINSTAY HOLDER door"), "*4 $3 ann :1 :2000 :0");
  EXPECT_TRUE(refuses_every_beginning(machine, image_of(frozen)));
}

TEST(ServerMachineImage, TheFormatStays) {
  server_machine machine;
  say(machine, "XADD log 1-2 f v");

  const auto image = in_hexadecimal(image_of(machine));

  EXPECT_EQ(image.substr(0, 2 * 16), "6d61696e737461796b76000003000000");
  // "logs", version 1, one of them, its name; then the images of the log, of locks, of keys.
  EXPECT_EQ(image.substr(2 * 16, 2 * 39),
            "04000000000000006c6f6773010000000000000001000000000000000300000000000000"
            "6c6f67");
  EXPECT_NE(image.find("7265706c6963617465645f6c6f67"), std::string::npos);
  EXPECT_LT(image.find("7265706c6963617465645f6c6f67"), image.find("64697374726962757465645f"));
  EXPECT_LT(image.find("64697374726962757465645f"), image.rfind("6d61696e737461796b76"));
}

/// Commands of all kinds on few keys, locks that outlast the run or do not.
simulation::machine_subject subject(const std::string& lock_time, bool is_timed) {
  const auto draw = [lock_time, is_timed](random_generator& r) {
    const std::string key(1, static_cast<char>('a' + r.below(3)));
    const std::string owner(1, static_cast<char>('x' + r.below(2)));
    const auto id = is_timed ? "*" : std::to_string(1 + r.below(40)) + "-*";
    const std::string lines[] = {"SET " + key + " 1",
                                 "INCR " + key,
                                 "APPEND " + key + " " + owner,
                                 "DEL " + key + " b",
                                 "XADD " + key + " " + id + " f " + owner,
                                 "XADD " + key + " MAXLEN 3 " + id + " f 1",
                                 "XTRIM " + key + " MAXLEN 1",
                                 "MAINSTAY LOCK " + key + " " + owner + " " + lock_time,
                                 "MAINSTAY LOCK " + key + " " + owner + " " + lock_time + " WAIT",
                                 "MAINSTAY UNLOCK " + key + " " + owner,
                                 is_timed ? "SET " + key + " 1 PX 300" : "MSET " + key + " 1 b 2"};
    return command(lines[r.below(std::size(lines))]).value();
  };
  const auto ask = [is_timed](random_generator& r) {
    const std::string key(1, static_cast<char>('a' + r.below(3)));
    const std::string lines[] = {"GET " + key,
                                 "XLEN " + key,
                                 "XRANGE " + key + " - +",
                                 "KEYS *",
                                 is_timed ? "MAINSTAY HOLDER " + key : "TYPE " + key,
                                 "DBSIZE"};
    return command(lines[r.below(std::size(lines))]).value();
  };
  return {.command = draw, .query = ask, .is_timed = is_timed};
}

TEST(ServerMachineInSimulation, IsSound) {
  const auto report = simulation::check_machine([] { return server_machine(7); },
                                                subject("3600000", false), {.seeds = 10});

  EXPECT_TRUE(report.is_sound()) << report.text();
}

TEST(ServerMachineInSimulation, WhatEndsByLogTimeEndsAlikeOnAllReplicas) {
  const auto report = simulation::check_machine([] { return server_machine(7); },
                                                subject("400", true), {.seeds = 10});

  EXPECT_TRUE(report.is_sound()) << report.text();
}

}  // namespace
}  // namespace mainstay::server
