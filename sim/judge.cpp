/// mainstay-judge: reads a history of clients as JSON lines and says whether it is linearizable. It
/// knows the operations of docs/formats/history.md.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "mainstay/simulation/key_value_model.hpp"
#include "mainstay/simulation/linearizability.hpp"

namespace {

using namespace mainstay::simulation;

constexpr int is_linearizable = 0;
constexpr int is_not = 1;
constexpr int cannot_tell = 2;

int complain(const std::string& what) {
  std::fprintf(stderr, "mainstay-judge: %s\n", what.c_str());
  return cannot_tell;
}

int judge_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return complain(name + ": cannot be opened");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return complain(name + ": cannot be read");

  const auto operations = read_history(text);
  if (!operations) return complain(name + ": " + operations.error().message);
  for (std::size_t i = 0; i < operations->size(); ++i) {
    const auto known = key_value_model::check((*operations)[i]);
    if (!known) {
      return complain(name + ": line " + std::to_string(i + 1) + ": " + known.error().message);
    }
  }
  const judgement j = judge(key_value_model{}, *operations);
  std::printf("%s: %zu operations, %llu steps: %s", name.c_str(), operations->size(),
              static_cast<unsigned long long>(j.steps), describe(j).c_str());
  if (j.verdict == verdict::undecided) return cannot_tell;
  return j.verdict == verdict::linearizable ? is_linearizable : is_not;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 || std::string(arguments[1]).starts_with("-")) {
    std::fputs(
        "usage: mainstay-judge FILE.jsonl\n"
        "Says whether the history in FILE is linearizable. Exit code 0: it is; 1: it is not;\n"
        "2: FILE is no history, or the search took too many steps.\n",
        stderr);
    return cannot_tell;
  }
  return judge_file(arguments[1]);
}
