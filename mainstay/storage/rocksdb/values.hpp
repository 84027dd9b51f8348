/// Keys and values of the database as docs/formats/rocksdb.md describes them. It knows no database.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::database {

/// The version that this build writes, and the only one that it reads.
inline constexpr std::uint32_t format_version = 1;
/// The key of the owner's record in the default column family.
inline constexpr std::string_view owner_key = "owner";
/// The names of the column families.
inline constexpr std::string_view entries_family = "entries";
inline constexpr std::string_view hard_state_family = "hard_state";
inline constexpr std::string_view snapshots_family = "snapshots";
/// What an entry's value has beside the payload: before it, and behind it.
inline constexpr std::size_t entry_front_size = 17;
inline constexpr std::size_t checksum_size = 8;

/// Bytes as the database takes them.
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Where an entry stands: its key.
struct entry_place {
  group_id group;
  log_index index;
  friend bool operator==(const entry_place&, const entry_place&) = default;
};

/// Big-endian, so that the order of keys is that of groups, and of indexes in a group.
std::string key_of(const entry_place& place);
std::string key_of(group_id group);
/// None when it is no such key.
std::optional<entry_place> place_in(std::string_view key);
std::optional<group_id> group_in(std::string_view key);

/// The value of an entry, but for the payload, which stands between the two.
struct entry_frame {
  std::array<char, entry_front_size> front{};
  std::array<char, checksum_size> end{};
};

/// What stands around an entry's payload under this key.
entry_frame frame_of(std::string_view key, const core::entry& e);
/// The entry of a key and a value that hold; none when they do not.
std::optional<core::entry> entry_in(std::string_view key, std::string_view value);

/// What is known of a group beside its entries, in one record.
struct group_record {
  core::hard_state hard_state;
  core::term_run base;  ///< last index that compaction removed, and its term
  core::term_run last;  ///< last index of the log, and its term
  friend bool operator==(const group_record&, const group_record&) = default;
};

/// The value under a group's key.
std::string encode(std::string_view key, const group_record& record);
/// None when it does not hold.
std::optional<group_record> group_record_in(std::string_view key, std::string_view value);

/// The newest image of a group.
std::string encode(std::string_view key, const core::snapshot_id& image);
/// None when it does not hold.
std::optional<core::snapshot_id> image_in(std::string_view key, std::string_view value);

/// Whose database it is, and the cluster's first configuration.
struct owner_record {
  wal::identity identity;
  core::configuration bootstrap;
};

/// The value under `owner_key`.
std::string encode(const owner_record& owner);
/// Errors: `corrupt` with the reason, `unsupported` for another version.
result<owner_record> owner_in(std::string_view value);

}  // namespace mainstay::database
