/// What group commit asks of a log, whatever stands below it.
#pragma once

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/core/entry.hpp"

namespace mainstay::wal {

/// A log that gathers what is added, and makes it durable when told. One thread at a time.
///
/// Errors: `invalid_argument` and `no_space` refuse, and nothing has changed. After any other error
/// the log is dead: every call returns that error again.
class appendable_log {
 public:
  /// Takes a batch into what the next flush writes. The batch must stay alive until then.
  virtual result<void> add(group_id group, const core::persist_batch& batch) = 0;
  /// Takes into what the next flush writes that entries up to `index` are not needed any more.
  virtual result<void> add_base(group_id group, log_index index) = 0;
  /// Makes everything durable that was added.
  virtual result<void> flush() = 0;

 protected:
  ~appendable_log() = default;
};

}  // namespace mainstay::wal
