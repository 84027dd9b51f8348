#include "cli/snapshot_command.hpp"

#include <chrono>
#include <ostream>

#include <fmt/format.h>

#include "cli/admin_call.hpp"

namespace mainstay::cli {

namespace {

/// A large state takes its time, and asking again would not make it faster.
constexpr auto least_patience = std::chrono::minutes(10);

}  // namespace

exit_code run_snapshot_save(const common_options& common, const output& to) {
  exit_code verdict = exit_code::done;
  for (const auto& admin : common.admin_endpoints) {
    common_options one = common;
    one.admin_endpoints = {admin};
    one.timeout = std::max<std::chrono::milliseconds>(common.timeout, least_patience);
    const auto saved = admin_call(one, {.method = "POST", .path = "/v1/snapshot", .body = {}});
    if (!saved) {
      const exit_code failed = print_failed_action(to, saved.error());
      if (verdict == exit_code::done) verdict = failed;
      continue;
    }
    if (to.json) {
      auto line = *saved;
      line["admin"] = to_string(admin);
      print_json(to, line);
    } else {
      to.out << fmt::format("{}: snapshot up to index {}, {} bytes\n", to_string(admin),
                            saved->value("last_included_index", std::uint64_t{0}),
                            saved->value("bytes", std::uint64_t{0}));
    }
  }
  return verdict;
}

}  // namespace mainstay::cli
