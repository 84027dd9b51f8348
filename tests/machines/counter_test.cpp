#include "mainstay/machines/counter/counter.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "tests/machines/machine_harness.hpp"

namespace mainstay {
namespace {

constexpr auto greatest = std::numeric_limits<std::int64_t>::max();

TEST(Counter, AnswersWithTheSum) {
  counter machine;

  EXPECT_EQ(counter::total_in(apply(machine, counter::add(5))).value(), 5);
  EXPECT_EQ(counter::total_in(apply(machine, counter::add(-7))).value(), -2);
  EXPECT_EQ(counter::total_in(machine.query(counter::total()).value()).value(), -2);
}

TEST(Counter, ASumThatDoesNotFitChangesNothing) {
  counter machine;
  apply(machine, counter::add(greatest));

  const auto answer = counter::total_in(apply(machine, counter::add(1)));

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, error_code::invalid_argument);
  EXPECT_EQ(counter::total_in(machine.query({}).value()).value(), greatest);
}

TEST(Counter, AnythingElseIsRefused) {
  counter machine;

  for (const auto* payload : {"", "1234567", "123456789"}) {
    EXPECT_FALSE(counter::total_in(apply(machine, shared_bytes::copy_of(payload))));
  }
  EXPECT_EQ(counter::total_in(machine.query({}).value()).value(), 0);
}

TEST(Counter, ASnapshotHoldsTheNumber) {
  counter machine;
  apply(machine, counter::add(-3));
  const auto frozen = machine.freeze();
  apply(machine, counter::add(10));
  counter other;

  ASSERT_TRUE(restore(other, image_of(frozen), 1));

  EXPECT_EQ(counter::total_in(other.query({}).value()).value(), -3);
  EXPECT_TRUE(refuses_every_beginning(other, image_of(machine)));
}

TEST(Counter, TheFormatStays) {
  counter machine;
  apply(machine, counter::add(258));

  EXPECT_EQ(in_hexadecimal(image_of(machine)),
            "0700000000000000636f756e74657201000000000000000201000000000000");
}

TEST(Counter, AnImageOfAnotherKindOrVersionIsRefused) {
  counter machine;
  auto image = image_of(machine);
  image[15] = 2;
  auto other = image_of(machine);
  other[8] = 'C';

  EXPECT_EQ(restore(machine, image).error().code, error_code::unsupported);
  EXPECT_EQ(restore(machine, other).error().code, error_code::malformed);
}

}  // namespace
}  // namespace mainstay
