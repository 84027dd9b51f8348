/// Fuzzes the settings file of mainstayd: any text is either refused with a sentence, or gives
/// settings of which a sound configuration is made, or not, with a sentence again.
#include "server/config.hpp"

#include <cstdint>
#include <string_view>

#include "mainstay/base/assert.hpp"

#include "server/settings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto found = mainstay::server::read_toml(text, "fuzz.toml");
  if (!found) {
    MAINSTAY_ASSERT(!found.error().message.empty());
    return 0;
  }
  const auto config = mainstay::server::make_config(*found);
  if (!config) {
    MAINSTAY_ASSERT(!config.error().message.empty());
    return 0;
  }
  MAINSTAY_ASSERT(config->cluster && config->node.id);
  MAINSTAY_ASSERT(mainstay::check(config->node).has_value());
  return 0;
}
