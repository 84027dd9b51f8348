/// One key of the key-value machine, as clients know it: the sequential model for histories whose
/// operations are those of docs/formats/history.md. It shares no code with the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/simulation/history.hpp"
#include "mainstay/simulation/linearizability_values.hpp"

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
  /// What an operation does, by its result if it is done.
  operation_effect<state_type> effect_of(const client_operation& o) const;
  /// The value that a done operation must have found; none: several would do.
  std::optional<state_type> needs(const client_operation& o) const;
  /// Whether an operation whose effect depends on the value may leave this one.
  bool can_leave(const client_operation& o, const state_type& value) const;
  /// Whether both append as many bytes.
  bool is_alike(const client_operation& one, const client_operation& other) const;
  /// Whether what `o` says or does may depend on which bytes `appended` left, not only on how many.
  bool can_tell(const client_operation& o, const client_operation& appended) const;
  std::uint64_t fingerprint(const state_type& value) const {
    return value ? std::hash<std::string>{}(*value) + 1 : 0;
  }
};

}  // namespace mainstay::simulation
