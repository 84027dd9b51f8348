#include "mainstay/machines/atomic_register/atomic_register.hpp"

#include <gtest/gtest.h>

#include "tests/machines/machine_harness.hpp"

namespace mainstay {
namespace {

using value = atomic_register::value;

value tell(atomic_register& machine, const shared_bytes& command) {
  return atomic_register::value_in(apply(machine, command)).value();
}
value held(atomic_register& machine) {
  return atomic_register::value_in(machine.query(atomic_register::read()).value()).value();
}

TEST(AtomicRegister, EveryAnswerIsTheValueBefore) {
  atomic_register machine;

  EXPECT_EQ(tell(machine, atomic_register::write("a")), std::nullopt);
  EXPECT_EQ(tell(machine, atomic_register::write("")), "a");
  EXPECT_EQ(tell(machine, atomic_register::write(std::nullopt)), "");
  EXPECT_EQ(held(machine), std::nullopt);
}

TEST(AtomicRegister, ComparesAndSets) {
  atomic_register machine;

  EXPECT_EQ(tell(machine, atomic_register::compare_and_set("a", "b")), std::nullopt);
  EXPECT_EQ(held(machine), std::nullopt);
  EXPECT_EQ(tell(machine, atomic_register::compare_and_set(std::nullopt, "a")), std::nullopt);
  EXPECT_EQ(tell(machine, atomic_register::compare_and_set("a", "b")), "a");
  EXPECT_EQ(held(machine), "b");
}

TEST(AtomicRegister, AnythingElseIsRefused) {
  atomic_register machine;
  const auto longer = std::string(atomic_register::longest_value + 1, 'x');

  EXPECT_FALSE(atomic_register::value_in(apply(machine, {})));
  EXPECT_FALSE(atomic_register::value_in(apply(machine, shared_bytes::copy_of("12345678"))));
  EXPECT_FALSE(atomic_register::value_in(apply(machine, atomic_register::write(longer))));
  EXPECT_EQ(held(machine), std::nullopt);
}

TEST(AtomicRegister, ASnapshotHoldsTheValueOrNone) {
  atomic_register machine;
  atomic_register other;
  apply(other, atomic_register::write("old"));

  ASSERT_TRUE(restore(other, image_of(machine)));
  EXPECT_EQ(held(other), std::nullopt);

  apply(machine, atomic_register::write("new"));
  const auto frozen = machine.freeze();
  apply(machine, atomic_register::write("newer"));
  ASSERT_TRUE(restore(other, image_of(frozen), 1));
  EXPECT_EQ(held(other), "new");
  EXPECT_TRUE(refuses_every_beginning(other, image_of(machine)));
}

TEST(AtomicRegister, TheFormatStays) {
  atomic_register machine;
  apply(machine, atomic_register::write("ab"));

  EXPECT_EQ(in_hexadecimal(image_of(machine)),
            "08000000000000007265676973746572010000000000000001000000000000000200000000000000"
            "6162");
}

}  // namespace
}  // namespace mainstay
