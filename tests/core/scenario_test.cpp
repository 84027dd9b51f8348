/// Plays every story in tests/scenarios and compares what happens with what is recorded there.
/// MAINSTAY_REWRITE=1 records anew; read the difference before you keep it.
#include "tests/core/scenario.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mainstay::core_test {
namespace {

std::vector<std::filesystem::path> stories() {
  std::vector<std::filesystem::path> all;
  for (const auto& file : std::filesystem::directory_iterator(MAINSTAY_SCENARIOS)) {
    if (file.path().extension() == ".txt") all.push_back(file.path());
  }
  std::ranges::sort(all);
  return all;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Scenario : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scenario, HappensAsRecorded) {
  const std::string recorded = text_of(GetParam());
  ASSERT_TRUE(recorded.starts_with("# ")) << "a story begins with what it shows";

  const std::string played = scenario().play(recorded);

  if (std::getenv("MAINSTAY_REWRITE") != nullptr) {
    std::ofstream(GetParam()) << played;
  } else {
    EXPECT_EQ(played, recorded);
  }
}
INSTANTIATE_TEST_SUITE_P(Story, Scenario, testing::ValuesIn(stories()),
                         [](const auto& one) { return one.param.stem().string(); });

TEST(Scenarios, AreThere) { EXPECT_GE(stories().size(), 40U); }

}  // namespace
}  // namespace mainstay::core_test
