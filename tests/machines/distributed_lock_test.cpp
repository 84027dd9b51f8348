#include "mainstay/machines/distributed_lock/distributed_lock.hpp"

#include <gtest/gtest.h>

#include "tests/machines/machine_harness.hpp"

namespace mainstay {
namespace {

/// "token/place" of who asks for a lock for a second.
std::string ask(distributed_lock& locks, std::string_view owner, std::int64_t at, bool waits = true,
                std::string_view name = "door") {
  const auto got = distributed_lock::grant_in(
      apply(locks, distributed_lock::acquire(name, owner, 1000, waits), at));
  if (!got) return got.error().message;
  return std::to_string(got->token) + "/" + std::to_string(got->place);
}

bool leave(distributed_lock& locks, std::string_view owner, std::int64_t at) {
  return distributed_lock::released_in(apply(locks, distributed_lock::release("door", owner), at))
      .value();
}

/// "owner token waiting" of who holds it, or "free".
std::string held(const distributed_lock& locks, std::string_view name = "door") {
  const auto found =
      distributed_lock::holder_in(locks.query(distributed_lock::look(name)).value()).value();
  if (!found) return "free";
  return found->owner + " " + std::to_string(found->token) + " " + std::to_string(found->waiting);
}

TEST(DistributedLock, HasOneOwnerAtATime) {
  distributed_lock locks;

  EXPECT_EQ(ask(locks, "ann", 0), "1/0");
  EXPECT_EQ(ask(locks, "bob", 1, false), "0/0");
  EXPECT_EQ(ask(locks, "bob", 1, false, "gate"), "2/0");
  EXPECT_EQ(held(locks), "ann 1 0");
}

TEST(DistributedLock, TheQueueIsFair) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  EXPECT_EQ(ask(locks, "bob", 1), "0/1");
  EXPECT_EQ(ask(locks, "cat", 2), "0/2");
  EXPECT_EQ(ask(locks, "bob", 3), "0/1");

  EXPECT_TRUE(leave(locks, "ann", 4));
  EXPECT_EQ(held(locks), "bob 2 1");
  EXPECT_TRUE(leave(locks, "bob", 5));
  EXPECT_EQ(held(locks), "cat 3 0");
}

TEST(DistributedLock, AnOwnerThatAsksAgainKeepsItsTokenAndHasItsWholeTime) {
  distributed_lock locks;
  ask(locks, "ann", 0);

  EXPECT_EQ(ask(locks, "ann", 900), "1/0");

  EXPECT_EQ(locks.next_expiry(), log_time{1'900'000});
  locks.advance_time({1'899'999});
  EXPECT_EQ(held(locks), "ann 1 0");
  locks.advance_time({1'900'000});
  EXPECT_EQ(held(locks), "free");
}

TEST(DistributedLock, PassesOnWhenTheTimeIsOver) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  ask(locks, "bob", 500);

  locks.advance_time({1'000'000});

  EXPECT_EQ(held(locks), "bob 2 0");
  EXPECT_EQ(locks.next_expiry(), log_time{2'000'000});
  EXPECT_EQ(ask(locks, "ann", 1001), "0/1");
}

TEST(DistributedLock, ACommandBringsTheTimeAsWell) {
  distributed_lock locks;
  ask(locks, "ann", 0);

  EXPECT_FALSE(leave(locks, "ann", 1000));
  EXPECT_EQ(ask(locks, "bob", 1000), "2/0");
}

TEST(DistributedLock, WhoeverNoLongerAsksIsPassedOver) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  ask(locks, "bob", 10);
  ask(locks, "ann", 500);
  ask(locks, "cat", 600);

  locks.advance_time({1'500'000});

  EXPECT_EQ(held(locks), "cat 2 0");
}

TEST(DistributedLock, APlaceInTheQueueCanBeGivenUp) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  ask(locks, "bob", 1);
  ask(locks, "cat", 2);

  EXPECT_TRUE(leave(locks, "bob", 3));
  EXPECT_FALSE(leave(locks, "bob", 3));
  EXPECT_TRUE(leave(locks, "ann", 4));

  EXPECT_EQ(held(locks), "cat 2 0");
}

TEST(DistributedLock, TokensGrowForEver) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  leave(locks, "ann", 1);
  distributed_lock other;
  ASSERT_TRUE(restore(other, image_of(locks)));

  EXPECT_EQ(held(other), "free");
  EXPECT_EQ(ask(other, "bob", 2), "2/0");
}

TEST(DistributedLock, TheQueueHasALimit) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  for (std::size_t i = 0; i < distributed_lock::longest_queue; ++i) {
    ask(locks, std::to_string(i), 0);
  }

  EXPECT_EQ(ask(locks, "one more", 0), "0/0");
  EXPECT_EQ(ask(locks, "0", 0), "0/1");
}

TEST(DistributedLock, AnythingElseIsRefused) {
  distributed_lock locks;
  const std::string longer(distributed_lock::longest_name + 1, 'x');
  const auto longest = distributed_lock::longest_time;

  for (const auto& payload :
       {shared_bytes(), distributed_lock::acquire("", "ann", 1, true),
        distributed_lock::acquire("door", "", 1, true),
        distributed_lock::acquire(longer, "ann", 1, true),
        distributed_lock::acquire("door", "ann", 0, true),
        distributed_lock::acquire("door", "ann", longest + 1, true),
        distributed_lock::release(longer, "ann"), shared_bytes::copy_of("12345678")}) {
    EXPECT_TRUE(apply(locks, payload).empty());
  }
  EXPECT_EQ(held(locks), "free");
}

TEST(DistributedLock, ASnapshotHoldsQueuesAndTimes) {
  distributed_lock locks;
  ask(locks, "ann", 0);
  ask(locks, "bob", 900);
  const auto frozen = locks.freeze();
  leave(locks, "ann", 901);
  distributed_lock other;

  ASSERT_TRUE(restore(other, image_of(frozen), 1));

  EXPECT_EQ(held(other), "ann 1 1");
  other.advance_time({1'000'000});
  EXPECT_EQ(held(other), "bob 2 0");
  EXPECT_TRUE(refuses_every_beginning(other, image_of(frozen)));
}

TEST(DistributedLock, TheFormatStays) {
  distributed_lock locks;
  ask(locks, "a", 1);
  ask(locks, "b", 2);

  EXPECT_EQ(in_hexadecimal(image_of(locks)),
            "100000000000000064697374726962757465645f6c6f636b0100000000000000"  // kind, version
            "d007000000000000"                                                  // now
            "01000000000000000100000000000000"                                  // last token, locks
            "0400000000000000646f6f720100000000000000"                          // name, token
            "010000000000000061e80300000000000028460f0000000000"                // holder
            "0100000000000000"                                                  // queue
            "010000000000000062e803000000000000104a0f0000000000");
}

}  // namespace
}  // namespace mainstay
