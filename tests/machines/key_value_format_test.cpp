/// The bytes of docs/formats/key_value.md, and refusal of everything else.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/machines/key_value_harness.hpp"

namespace mainstay::keyspace {
namespace {

using namespace std::string_literals;

std::string refusal_of(std::string_view encoded) {
  const auto decoded = decode_command(encoded);
  return decoded ? "none" : decoded.error().message;
}

TEST(CommandFormat, IsTheDocumentedBytes) {
  const number_argument minus_two(static_cast<std::uint64_t>(-2));

  EXPECT_EQ(command(operation::set, {"key", "value"}, if_absent | get_old).text(),
            "\x01\x01\x09\x03key\x05value"s);
  EXPECT_EQ(command(operation::increment, {"n", minus_two.text()}).text(),
            "\x01\x04\x00\x01n\x08\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(command(operation::size, {}).text(), "\x01\x27\x00"s);
  EXPECT_EQ(command(operation::get, {std::string(200, 'k')}).text(),
            "\x01\x20\x00\xc8\x01"s + std::string(200, 'k'));
}

TEST(CommandFormat, DecodingGivesBackTheArguments) {
  const auto encoded = command(operation::set_many, {"a", "1", "", ""});

  auto decoded = decode_command(encoded.text());

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->operation, operation::set_many);
  EXPECT_EQ(decoded->argument_count, 4U);
  EXPECT_EQ(decoded->arguments.next(), "a");
  EXPECT_EQ(decoded->arguments.next(), "1");
  EXPECT_EQ(decoded->arguments.next(), "");
  EXPECT_EQ(decoded->arguments.next(), "");
  EXPECT_TRUE(decoded->arguments.at_end());
}

TEST(CommandFormat, RefusesWhatIsNotInIt) {
  EXPECT_EQ(refusal_of(""), "command is cut off");
  EXPECT_EQ(refusal_of("\x02\x20\x00\x01k"s), "unknown version of a command");
  EXPECT_EQ(refusal_of("\x01\x63\x00\x01k"s), "unknown operation of the key-value machine");
  EXPECT_EQ(refusal_of("\x01\x20\x00\x02k"s), "argument of a command is cut off");
  EXPECT_EQ(refusal_of("\x01\x20\x00\xff\xff\xff\xff\xff\x01k"s),
            "argument of a command is cut off");
  EXPECT_EQ(refusal_of("\x01\x20\x01\x01k"s), "flags of a command contradict each other");
  EXPECT_EQ(refusal_of("\x01\x01\x03\x01k\x01v"s), "flags of a command contradict each other");
  EXPECT_EQ(refusal_of("\x01\x01\x18\x01k\x01v"s), "flags of a command contradict each other");
  EXPECT_EQ(refusal_of("\x01\x01\x80\x01k\x01v"s), "flags of a command contradict each other");
  EXPECT_EQ(refusal_of("\x01\x01\x00\x01k"s), "wrong number of arguments in a command");
  EXPECT_EQ(refusal_of("\x01\x01\x04\x01k\x01v"s), "wrong number of arguments in a command");
  EXPECT_EQ(refusal_of("\x01\x06\x00\x01k\x01v\x01k"s), "wrong number of arguments in a command");
  EXPECT_EQ(refusal_of("\x01\x07\x00\x01k"s), "wrong number of arguments in a command");
  EXPECT_EQ(refusal_of("\x01\x04\x00\x01n\x02xx"s), "number of a command is not 8 bytes");
}

TEST(CommandFormat, TimesAreTheDocumentedBytes) {
  const time_argument time({.number = -2, .seconds = true, .absolute = true});
  const auto encoded = command(operation::expire, {"k", time.text()}, if_later | if_any);

  EXPECT_EQ(encoded.text(), "\x01\x08\x06\x01k\x09\x03\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  auto decoded = decode_command(encoded.text());
  ASSERT_TRUE(decoded);
  decoded->arguments.next();
  const auto read = decoded->arguments.next_time();
  EXPECT_EQ(read.number, -2);
  EXPECT_TRUE(read.seconds);
  EXPECT_TRUE(read.absolute);
}

TEST(CommandFormat, RefusesTimesAndFlagsThatAreNotInIt) {
  const std::string contradict = "flags of a command contradict each other";
  const time_argument time({.number = 1});
  const auto refusal = [&](operation o, std::vector<std::string_view> arguments, unsigned flags) {
    return refusal_of(command(o, std::move(arguments), static_cast<std::uint8_t>(flags)).text());
  };

  EXPECT_EQ(refusal(operation::set, {"k", "v", time.text()}, expires | keep_deadline), contradict);
  EXPECT_EQ(refusal(operation::expire, {"k", time.text()}, if_none | if_any), contradict);
  EXPECT_EQ(refusal(operation::expire, {"k", time.text()}, if_none | if_earlier), contradict);
  EXPECT_EQ(refusal(operation::expire, {"k", time.text()}, if_later | if_earlier), contradict);
  EXPECT_EQ(refusal(operation::expire, {"k", time.text()}, 16), contradict);
  EXPECT_EQ(refusal(operation::get_and_expire, {"k", time.text()}, 64 | 1), contradict);
  EXPECT_EQ(refusal(operation::time_left, {"k"}, 2), contradict);
  EXPECT_EQ(refusal(operation::persist, {"k"}, 1), contradict);
  EXPECT_EQ(refusal(operation::set, {"k", "v", "12345678"}, expires),
            "time of a command is not 9 bytes");
  EXPECT_EQ(refusal(operation::set, {"k", "v", "expected", "12345678"}, expires | if_equal),
            "time of a command is not 9 bytes");
  EXPECT_EQ(refusal(operation::expire,
                    {"k",
                     "\x04"
                     "12345678"},
                    0),
            "unknown unit of a time in a command");
  const std::string count = "wrong number of arguments in a command";
  EXPECT_EQ(refusal(operation::set, {"k", "v"}, expires), count);
  EXPECT_EQ(refusal(operation::set, {"k", "v", time.text()}, keep_deadline), count);
  EXPECT_EQ(refusal(operation::expire, {"k"}, 0), count);
  EXPECT_EQ(refusal(operation::get_and_expire, {"k"}, expires), count);
  EXPECT_EQ(refusal(operation::get_and_expire, {"k", time.text()}, 0), count);
  EXPECT_EQ(refusal(operation::persist, {"k", "k"}, 0), count);
  EXPECT_EQ(refusal(operation::time_left, {}, 0), count);
}

TEST(CommandFormat, RefusesKeysValuesAndPatternsThatAreTooLong) {
  const std::string long_key(max_key_bytes + 1, 'k');
  const std::string long_pattern(max_pattern_bytes + 1, '*');

  for (const auto& encoded :
       {command(operation::get, {long_key}), command(operation::set, {long_key, "v"}),
        command(operation::keys, {long_pattern})}) {
    const auto decoded = decode_command(encoded.text());
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, error_code::invalid_argument);
  }
  EXPECT_TRUE(decode_command(command(operation::get, {long_key.substr(1)}).text()));
}

TEST(AnswerFormat, IsTheDocumentedBytes) {
  answer_writer writer;

  EXPECT_EQ(writer.ok().text(), "");
  EXPECT_EQ(writer.nil().text(), "\x01"s);
  EXPECT_EQ(writer.integer(1).text(), "\x02\x01\0\0\0\0\0\0\0"s);
  EXPECT_EQ(writer.integer(-2).text(), "\x02\xfe\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(writer.bytes("ab").text(), "\x03\x02\x61\x62"s);
  EXPECT_EQ(writer.status("string").text(), "\x04\x06string"s);
  EXPECT_EQ(writer.failure("ERR no").text(), "\x06\x06\x45RR no"s);
}

TEST(AnswerFormat, ArraysNest) {
  answer_writer writer;
  writer.add_bytes("a");
  writer.add_nil();

  EXPECT_EQ(describe(writer.finish_array_after("17")), "[\"17\" [\"a\" nil]]");
  EXPECT_EQ(describe(writer.finish_array()), "[]");
}

TEST(AnswerFormat, CutOffAnswersReadAsAFailure) {
  for (const auto& encoded : {"\x02\x01"s, "\x03\x05"s, "\x05\x09\x01"s, "\x09"s, "\x03"s}) {
    answer_reader reader(encoded);
    auto value = reader.next();
    while (!reader.at_end()) value = reader.next();
    EXPECT_EQ(value.kind, answer_kind::failure);
  }
}

// Whatever the bytes, a replica must neither crash nor fail: it answers.
RC_GTEST_PROP(CommandFormat, AnyBytesGetAnAnswer, (const std::string& bytes, bool plausible)) {
  key_value machine;
  const auto encoded = plausible ? "\x01"s + bytes : bytes;
  const auto payload = shared_bytes::copy_of(encoded);

  const auto applied = machine.apply({log_index(1), log_time{}, payload});
  const auto queried = machine.query(payload);

  RC_ASSERT(applied.has_value());
  RC_ASSERT(queried.has_value());
}

}  // namespace
}  // namespace mainstay::keyspace
