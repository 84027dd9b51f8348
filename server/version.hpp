/// What this build calls itself.
#pragma once

#include <string_view>

namespace mainstay::server {

/// The project's version.
inline constexpr std::string_view mainstay_version = MAINSTAY_VERSION;
/// The Redis whose behaviour the commands follow.
inline constexpr std::string_view redis_version = "7.0.0";

}  // namespace mainstay::server
