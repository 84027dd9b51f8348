/// One number that everybody adds to: the smallest ready-made state machine. It belongs to no
/// client protocol; `add`, `total` and `total_in` make its commands and read its answers.
#pragma once

#include <cstdint>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// A `freezable_state_machine`.
class counter {
 public:
  /// The command that adds a number, which may be negative. It answers with the sum.
  static shared_bytes add(std::int64_t amount);
  /// The query for the number.
  static shared_bytes total() { return {}; }
  /// The number that an answer has. Errors: `invalid_argument`, when the command was none, or the
  /// sum does not fit; nothing was changed then.
  static result<std::int64_t> total_in(const shared_bytes& answer);

  /// Carries out `add`. Never an error; see `total_in`.
  result<shared_bytes> apply(const applied_command& command);
  /// Answers any query with the number.
  result<shared_bytes> query(const shared_bytes& request) const;
  /// Writes the number.
  result<void> save(const snapshot_writer& writer) const;
  /// A copy is as good as frozen.
  counter freeze() const { return *this; }
  /// Takes a saved number over. Errors: those of `image_reader`; nothing is changed then.
  result<void> restore(const snapshot_reader& reader);

 private:
  std::int64_t total_ = 0;
};

}  // namespace mainstay
