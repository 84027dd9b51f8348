/// One value that is read, written, and compared and set: the register of the literature, from
/// which configuration, election and any other agreement can be made.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// A `freezable_state_machine`. Every answer is the value that was there before the command, or
/// none; so a value was compared and set if, and only if, the answer is what was expected.
class atomic_register {
 public:
  /// What the register holds; none: it was never written, or was emptied.
  using value = std::optional<std::string>;
  /// Longest value, in bytes. Part of the machine: all replicas must refuse alike.
  static constexpr std::size_t longest_value = 16 * 1024 * 1024;

  /// The command that writes a value, or none.
  static shared_bytes write(const value& v);
  /// The command that writes a value if the register holds `expected`.
  static shared_bytes compare_and_set(const value& expected, const value& v);
  /// The query for the value.
  static shared_bytes read() { return {}; }
  /// The value that an answer has. Errors: `invalid_argument`, when the command was none of the
  /// above or its value too long; nothing was changed then.
  static result<value> value_in(const shared_bytes& answer);

  /// Carries out a command. Never an error; see `value_in`.
  result<shared_bytes> apply(const applied_command& command);
  /// Answers any query with the value.
  result<shared_bytes> query(const shared_bytes& request) const;
  /// Writes the value.
  result<void> save(const snapshot_writer& writer) const;
  /// A copy is as good as frozen.
  atomic_register freeze() const { return *this; }
  /// Takes a saved value over. Errors: those of `image_reader`; nothing is changed then.
  result<void> restore(const snapshot_reader& reader);

 private:
  value value_;
};

}  // namespace mainstay
