/// The loggers that mainstayd offers, by name. Each writes the same lines to standard error.
#pragma once

#include <string_view>

#include "mainstay/seams/any_diagnostic_logger.hpp"
#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

namespace mainstay::server {

/// The logger called `name`. Precondition: it is spdlog, boost_log, log4cpp or none, which the
/// settings see to.
any_diagnostic_logger logger_named(std::string_view name, log_format format,
                                   const log_levels& levels);

}  // namespace mainstay::server
