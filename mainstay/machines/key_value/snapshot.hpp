/// The key-value machine's snapshot: every key with its value and deadline, in checksummed
/// chunks
/// (docs/formats/key_value.md). It says nothing of the log; whoever keeps snapshots adds that.
#pragma once

#include <cstdint>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/machines/key_value/table.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::keyspace {

/// What a snapshot says before its keys.
struct snapshot_header {
  std::uint64_t keys = 0;  ///< how many follow
  log_time time;           ///< the state's; 0 in version 1, which knew none
};

/// Writes what of `content` has not expired at the header's time. Precondition: so many keys as the
/// header says. Errors: those of `writer`.
result<void> save_snapshot(const frozen_table& content, const snapshot_header& header,
                           const snapshot_writer& writer);

/// Replaces all of `t`; gives the header. Nothing is believed before its checksum has been
/// compared, and memory stays within what the snapshot really holds plus one chunk. Errors: those
/// of `reader`, `unsupported` (version), `malformed`, `corrupt`; `t` is unchanged then.
result<snapshot_header> restore_snapshot(table& t, const snapshot_reader& reader);

}  // namespace mainstay::keyspace
