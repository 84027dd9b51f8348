/// One key of the key-value machine, as clients know it: the sequential model for histories whose
/// operations are those of docs/formats/history.md. It shares no code with the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/simulation/history.hpp"

namespace mainstay::simulation {

/// A `sequential_model`. The state is the key's value; none: the key is absent.
class key_value_model {
 public:
  using state_type = std::optional<std::string>;

  /// Refuses what the model does not know. Errors: `invalid_argument`, with the operation.
  static result<void> check(const client_operation& o);

  state_type initial() const { return std::nullopt; }
  /// Precondition: `check` accepts the operation.
  std::optional<std::string> carry_out(state_type& value, const client_operation& o) const;
  bool is_read(const client_operation& o) const;
  std::uint64_t fingerprint(const state_type& value) const {
    return value ? std::hash<std::string>{}(*value) + 1 : 0;
  }
};

}  // namespace mainstay::simulation
