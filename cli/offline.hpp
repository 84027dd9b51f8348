/// What the commands share that work on a node's files while no node does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/random.hpp"
#include "mainstay/core/configuration.hpp"

#include "cli/request.hpp"

namespace mainstay::cli {

/// The exit status that tells what was wrong with files, or with what was asked of them.
exit_code code_of(const error& why);

/// "1=host:port" for each.
std::vector<std::string> in_words(const std::vector<core::member>& members);

/// A number for an identity: never 0.
std::uint64_t draw_id(random_generator& random);

}  // namespace mainstay::cli
