/// What the online checker of reads finds, and that it never accuses a register that works.
#include "mainstay/simulation/online_reads.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"
#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {
namespace {

using testing::HasSubstr;
constexpr auto done = operation_outcome::done;

client_operation make(std::int64_t start, std::int64_t end, std::string name, std::string argument,
                      std::optional<std::string> result, operation_outcome outcome = done) {
  return {.name = std::move(name),
          .key = "k",
          .argument = std::move(argument),
          .result = std::move(result),
          .start = start,
          .end = end,
          .outcome = outcome};
}

/// What the checker says of a history when it is told as it happens; "" when nothing.
std::string finding_in(const std::vector<client_operation>& operations) {
  std::vector<std::tuple<std::int64_t, bool, std::size_t>> moments;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    moments.emplace_back(operations[i].start, false, i);
    moments.emplace_back(operations[i].end, true, i);
  }
  std::ranges::sort(moments);
  online_reads checker;
  try {
    for (const auto& [time, is_end, i] : moments) {
      is_end ? checker.finish(i, operations[i]) : checker.begin(i, operations[i]);
    }
  } catch (const violation& found) {
    EXPECT_EQ(found.broken(), property::linearizability);
    return found.what();
  }
  return "";
}

const auto set_a = make(0, 1, "set", "a", "OK");
const auto set_b = make(2, 3, "set", "b", "OK");

TEST(OnlineReads, FindAReadBelowWhatWasAcknowledged) {
  EXPECT_THAT(finding_in({set_a, set_b, make(4, 5, "get", "", "a")}), HasSubstr("began at 2"));
  EXPECT_THAT(finding_in({set_a, make(4, 5, "get", "", {})}), HasSubstr("reads nil"));
  EXPECT_THAT(finding_in({set_a, set_b, make(4, 5, "get_and_set", "c", "a")}),
              HasSubstr("reads \"a\""));
}

TEST(OnlineReads, FindAReadThatGoesBack) {
  EXPECT_THAT(finding_in({set_a, make(2, 20, "set", "b", "OK"), make(3, 4, "get", "", "b"),
                          make(5, 6, "get", "", "a")}),
              HasSubstr("reads \"a\""));
}

TEST(OnlineReads, FindWhatNobodyWroteOrWasRefused) {
  EXPECT_THAT(finding_in({make(4, 5, "get", "", "x")}), HasSubstr("nobody wrote"));
  EXPECT_THAT(finding_in({make(0, 1, "set", "x", {}, operation_outcome::refused),
                          make(4, 5, "get", "", "x")}),
              HasSubstr("took no effect"));
  EXPECT_THAT(finding_in({set_a, make(2, 3, "set_if_absent", "x", {}), make(4, 5, "get", "", "x")}),
              HasSubstr("took no effect"));
}

TEST(OnlineReads, LeaveAloneWhatTheyCannotTell) {
  EXPECT_EQ(finding_in({set_a, make(2, 3, "set", "b", {}, operation_outcome::unknown),
                        make(4, 5, "get", "", "a"), make(6, 7, "get", "", "b")}),
            "");
  EXPECT_EQ(finding_in({set_a, make(2, 3, "delete", "", "1"), make(4, 5, "get", "", {})}), "");
}

TEST(OnlineReads, NeverAccuseARegisterThatWorks) {
  random_generator random(3);
  for (int run = 0; run < 300; ++run) {
    std::vector<client_operation> operations;
    std::vector<std::pair<std::int64_t, std::size_t>> effects;
    for (std::size_t i = 0; i < 40; ++i) {
      const auto start = static_cast<std::int64_t>(random.below(200));
      const auto length = random.below(30);
      const bool is_write = random.below(3) == 0;
      operations.push_back(make(start, start + static_cast<std::int64_t>(length),
                                is_write ? "set" : "get", is_write ? std::to_string(i) : "", "OK"));
      effects.emplace_back(start + static_cast<std::int64_t>(random.below(length + 1)), i);
    }
    std::ranges::sort(effects);
    std::optional<std::string> value;
    for (const auto& [time, i] : effects) {
      if (operations[i].name == "set") value = operations[i].argument;
      if (operations[i].name == "get") operations[i].result = value;
    }

    ASSERT_EQ(finding_in(operations), "") << write_history(operations);
  }
}

}  // namespace
}  // namespace mainstay::simulation
