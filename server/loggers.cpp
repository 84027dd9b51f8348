#include "server/loggers.hpp"

#include "mainstay/base/assert.hpp"
#include "mainstay/logging/boost_log/boost_log_logger.hpp"
#include "mainstay/logging/log4cpp/log4cpp_logger.hpp"
#include "mainstay/logging/spdlog/spdlog_logger.hpp"

namespace mainstay::server {

any_diagnostic_logger logger_named(std::string_view name, log_format format,
                                   const log_levels& levels) {
  if (name == "none") return any_diagnostic_logger::of<null_logger>();
  if (name == "boost_log") {
    log_messages_to_standard_error();
    return any_diagnostic_logger::of<boost_log_logger>(format, levels);
  }
  if (name == "log4cpp") {
    log_category_to_standard_error("mainstay");
    return any_diagnostic_logger::of<log4cpp_logger>("mainstay", format, levels);
  }
  MAINSTAY_ASSERT(name == "spdlog");
  return any_diagnostic_logger::of<spdlog_logger>(format, levels);
}

}  // namespace mainstay::server
