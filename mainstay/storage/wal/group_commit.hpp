/// One flush for all that gathered: the part of an engine that decides what shares a flush, and
/// what becomes of each append. Without threads; whoever owns the log calls it.
#pragma once

#include <optional>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/storage/wal/appendable_log.hpp"

namespace mainstay::wal {

/// Appends of one round, in order. Add what has gathered, flush, and hand the outcomes out.
class group_commit {
 public:
  /// Forgets the round before.
  void begin() {
    outcomes_.clear();
    refused_.reset();
  }
  /// Adds a batch to the round. It must stay alive until `flush`.
  void add(appendable_log& log, group_id group, const core::persist_batch& batch);
  /// Adds a base marker to the round.
  void add_base(appendable_log& log, group_id group, log_index index);
  /// Makes the round durable. What became of each, in the order added: `no_space` for one that did
  /// not fit and for all behind it, because batches become durable in order or not at all.
  const std::vector<result<void>>& flush(appendable_log& log);

 private:
  template <class Add>
  void try_to(Add add);

  std::vector<result<void>> outcomes_;
  std::optional<error> refused_;
};

}  // namespace mainstay::wal
