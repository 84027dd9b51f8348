/// Payloads in JSON text (RFC 4648, section 4). Not for users.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::document {

/// With padding, without line breaks. Precondition: below 1 GiB.
std::string to_base64(std::span<const std::byte> bytes);

/// Strict: nothing for text that `to_base64` would not have written, or that is too long for it.
std::optional<shared_bytes> from_base64(std::string_view text);

}  // namespace mainstay::document
