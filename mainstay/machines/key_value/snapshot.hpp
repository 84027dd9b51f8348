/// The key-value machine's snapshot: every key and value in checksummed chunks
/// (docs/formats/key_value.md). It says nothing of the log; whoever keeps snapshots adds that.
#pragma once

#include "mainstay/base/error.hpp"
#include "mainstay/machines/key_value/table.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::keyspace {

/// Writes all of `t`. Errors: those of `writer`.
result<void> save_snapshot(const frozen_table& t, const snapshot_writer& writer);

/// Replaces all of `t`. Nothing is believed before its checksum has been compared, and memory stays
/// within what the snapshot really holds plus one chunk. Errors: those of `reader`, `unsupported`
/// (version), `malformed`, `corrupt`; `t` is unchanged then.
result<void> restore_snapshot(table& t, const snapshot_reader& reader);

}  // namespace mainstay::keyspace
