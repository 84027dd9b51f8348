/// The sub-commands put, get and delete. Each sends one request and tells what became of it.
#pragma once

#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/request.hpp"

namespace mainstay::cli {

/// Writes a value. `not_found` when the condition does not hold.
exit_code run_put(const common_options& common, const put_options& options, const output& to,
                  const sender& send);

/// Prints a value. `not_found` when there is no such key.
exit_code run_get(const common_options& common, const get_options& options, const output& to,
                  const sender& send);

/// Removes keys. `not_found` when none of them was there.
exit_code run_delete(const common_options& common, const delete_options& options, const output& to,
                     const sender& send);

}  // namespace mainstay::cli
