/// The sub-command bench: runs the load generator against a cluster and prints what it measured.
#pragma once

#include "cli/load_generator.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `bench`.
struct bench_options {
  load_options load;
  bool fill = false;  ///< set every key once before the run
};

/// Runs the load; with `fill`, first writes every key once over one connection. `degraded` when
/// some requests failed, `unavailable` when none succeeded.
exit_code run_bench(const common_options& common, bench_options options, const output& to);

}  // namespace mainstay::cli
