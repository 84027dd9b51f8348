/// What the core knows of a snapshot (paper §7): its place in the log, and which image holds it.
/// The image's bytes are storage's and the state machine's.
#pragma once

#include <cstdint>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/configuration.hpp"

namespace mainstay::core {

/// Names an image: equal ids are the same bytes, whoever wrote them.
struct snapshot_id {
  log_index last_included_index;  ///< the state is the one after this entry
  mainstay::term last_included_term;
  std::uint64_t size = 0;    ///< of the image, in bytes
  std::uint64_t digest = 0;  ///< its last checksum, which stands on every byte

  friend bool operator==(const snapshot_id&, const snapshot_id&) = default;
};

/// What an image says of itself, known before it is written.
struct snapshot_contents {
  log_index last_included_index;
  mainstay::term last_included_term;
  log_time time;                      ///< of the last included entry
  core::configuration configuration;  ///< in force at the last included index

  friend bool operator==(const snapshot_contents&, const snapshot_contents&) = default;
};

/// A whole image that is durable.
struct snapshot {
  snapshot_id id;
  log_time time;                      ///< of the last included entry
  core::configuration configuration;  ///< in force at the last included index

  friend bool operator==(const snapshot&, const snapshot&) = default;
};

}  // namespace mainstay::core
