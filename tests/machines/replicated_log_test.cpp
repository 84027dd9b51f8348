#include "mainstay/machines/replicated_log/replicated_log.hpp"

#include <gtest/gtest.h>

#include "tests/machines/machine_harness.hpp"

namespace mainstay {
namespace {

std::optional<record_id> id_of(const shared_bytes& answer) {
  const auto done = replicated_log::appended_in(answer);
  return done ? std::optional(done->id) : std::nullopt;
}

std::vector<log_record> read(const replicated_log& log, record_id from = first_record,
                             record_id to = last_record, std::uint64_t count = 1'000'000) {
  return replicated_log::records_in(log.query(replicated_log::read(from, to, count)).value())
      .value();
}

std::uint64_t length(const replicated_log& log) {
  return replicated_log::count_in(log.query(replicated_log::length()).value()).value();
}

/// Appends records "1", "2", … with these numbers as their milliseconds.
void fill(replicated_log& log, std::uint64_t from, std::uint64_t to) {
  for (auto i = from; i <= to; ++i) {
    apply(log, replicated_log::append_at(i, 0, std::to_string(i)));
  }
}

TEST(ReplicatedLog, IdsAreLogTimes) {
  replicated_log log;

  EXPECT_EQ(id_of(apply(log, replicated_log::append("a"), 50)), (record_id{50, 0}));
  EXPECT_EQ(id_of(apply(log, replicated_log::append("b"), 50)), (record_id{50, 1}));
  EXPECT_EQ(id_of(apply(log, replicated_log::append("c"), 51)), (record_id{51, 0}));
  EXPECT_EQ(read(log), (std::vector<log_record>{{{50, 0}, "a"}, {{50, 1}, "b"}, {{51, 0}, "c"}}));
}

TEST(ReplicatedLog, IdsGrowThoughTheTimeIsBehindThem) {
  replicated_log log;
  apply(log, replicated_log::append_at(100, 7, "ahead"));

  EXPECT_EQ(id_of(apply(log, replicated_log::append("a"), 50)), (record_id{100, 8}));
}

TEST(ReplicatedLog, AnIdThatDoesNotGrowIsRefused) {
  replicated_log log;
  EXPECT_FALSE(id_of(apply(log, replicated_log::append_at(0, 0, "zero"))));
  apply(log, replicated_log::append_at(5, 5, "a"));

  EXPECT_FALSE(id_of(apply(log, replicated_log::append_at(5, 5, "b"))));
  EXPECT_FALSE(id_of(apply(log, replicated_log::append_at(4, std::nullopt, "c"))));
  EXPECT_EQ(id_of(apply(log, replicated_log::append_at(5, std::nullopt, "d"))), (record_id{5, 6}));
  EXPECT_EQ(length(log), 2);
}

TEST(ReplicatedLog, ThereIsNoIdAfterTheGreatest) {
  replicated_log log;
  apply(log, replicated_log::append_at(last_record.milliseconds, last_record.sequence, "end"));

  EXPECT_FALSE(id_of(apply(log, replicated_log::append("a"))));
  EXPECT_FALSE(id_of(apply(log, replicated_log::append_at(last_record.milliseconds, {}, "b"))));
}

TEST(ReplicatedLog, TellsThePositionOfARecord) {
  replicated_log log;
  fill(log, 1, 4);
  apply(log, replicated_log::keep_newest(1));

  const auto done = replicated_log::appended_in(apply(log, replicated_log::append("fifth"), 9));

  EXPECT_EQ(done.value().position, 5);
}

TEST(ReplicatedLog, ReadsARangeAcrossBlocks) {
  replicated_log log;
  fill(log, 1, 1000);

  const auto found = read(log, {250, 0}, {600, 0}, 300);

  ASSERT_EQ(found.size(), 300);
  EXPECT_EQ(found.front().content, "250");
  EXPECT_EQ(found.back().content, "549");
  EXPECT_EQ(read(log, {999, 1}).size(), 1);
  EXPECT_TRUE(read(log, {1001, 0}).empty());
  EXPECT_TRUE(read(log, {5, 0}, {4, 0}).empty());
  EXPECT_TRUE(read(log, first_record, last_record, 0).empty());
}

TEST(ReplicatedLog, DropsTheOldest) {
  for (const std::uint64_t kept : {1000, 999, 744, 743, 100, 1, 0}) {
    replicated_log log;
    fill(log, 1, 1000);

    const auto dropped = apply(log, replicated_log::keep_newest(kept));

    EXPECT_EQ(replicated_log::count_in(dropped).value(), 1000 - kept);
    EXPECT_EQ(length(log), kept);
    EXPECT_EQ(read(log).size(), kept);
    fill(log, 1001, 1001);
    EXPECT_EQ(read(log).front().content, std::to_string(1001 - kept));
  }
}

TEST(ReplicatedLog, AnAnswerHasALimit) {
  replicated_log log;
  const std::string large(replicated_log::longest_answer / 2, 'x');
  for (int i = 0; i < 3; ++i) apply(log, replicated_log::append(large), 5);

  EXPECT_EQ(read(log).size(), 1);
  EXPECT_EQ(read(log, {5, 1}).size(), 1);
}

TEST(ReplicatedLog, AnythingElseIsRefused) {
  replicated_log log;
  const std::string longer(replicated_log::longest_record + 1, 'x');

  EXPECT_TRUE(apply(log, {}).empty());
  EXPECT_TRUE(apply(log, shared_bytes::copy_of("12345678")).empty());
  EXPECT_TRUE(apply(log, replicated_log::append(longer)).empty());
  EXPECT_TRUE(log.query(shared_bytes::copy_of("12345678")).value().empty());
  EXPECT_EQ(length(log), 0);
}

TEST(ReplicatedLog, ASnapshotHoldsEverything) {
  replicated_log log;
  fill(log, 1, 600);
  apply(log, replicated_log::keep_newest(500));
  const auto frozen = log.freeze();
  fill(log, 601, 700);
  apply(log, replicated_log::keep_newest(50));
  replicated_log other;

  ASSERT_TRUE(restore(other, image_of(frozen), 7));

  EXPECT_EQ(read(other).size(), 500);
  EXPECT_EQ(image_of(other), image_of(frozen));
  EXPECT_EQ(replicated_log::appended_in(apply(other, replicated_log::append("x"))).value().position,
            601);
}

TEST(ReplicatedLog, AnEmptiedLogKeepsItsLastId) {
  replicated_log log;
  fill(log, 1, 9);
  apply(log, replicated_log::keep_newest(0));
  replicated_log other;

  ASSERT_TRUE(restore(other, image_of(log)));

  EXPECT_FALSE(id_of(apply(other, replicated_log::append_at(9, 0, "again"))));
}

TEST(ReplicatedLog, AnImageOutOfOrderOrCutOffIsRefused) {
  replicated_log log;
  fill(log, 1, 3);
  replicated_log other;
  auto image = image_of(log);

  EXPECT_TRUE(refuses_every_beginning(other, image));
  // After the head of 30 bytes: position, id of the last, size, and the first record's id.
  image[30 + 32] = 2;
  EXPECT_EQ(restore(other, image).error().code, error_code::malformed);
  EXPECT_EQ(length(other), 0);
}

TEST(ReplicatedLog, TheFormatStays) {
  replicated_log log;
  apply(log, replicated_log::append_at(3, 4, "ab"));

  EXPECT_EQ(in_hexadecimal(image_of(log)),
            "0e000000000000007265706c6963617465645f6c6f670100000000000000"  // kind, version
            "0100000000000000"                                              // position
            "03000000000000000400000000000000"                              // last id
            "0100000000000000"                                              // size
            "0300000000000000040000000000000002000000000000006162");
}

}  // namespace
}  // namespace mainstay
