/// A RocksDB database with the settings and column families of a log, and its failures as errors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include "mainstay/base/error.hpp"

namespace mainstay::database {

/// The column families of a log.
enum class family : std::uint8_t { owner, entries, hard_state, snapshots };

/// Their names; that of the owner's record is RocksDB's default.
std::string name_of(family which);

/// How many write buffers RocksDB may have; each becomes a table.
inline constexpr int write_buffers = 4;

/// How a database is opened.
struct database_options {
  std::string folder;
  std::uint64_t write_buffer_bytes = 0;
  ::rocksdb::Env* environment = nullptr;  ///< null for the machine's own
};

/// Gets each key with its value, in order; an error ends the walk.
using pair_visitor = std::function<result<void>(std::string_view key, std::string_view value)>;

/// An open database. Any thread.
class open_database {
 public:
  /// Opens it, or makes it when the folder holds none. Errors: `corrupt`, `io_failed`, `no_space`.
  static result<std::unique_ptr<open_database>> open(const database_options& options);
  /// Opens only the owner's record for reading, without its lock.
  static result<std::unique_ptr<open_database>> open_to_look(const std::string& folder);

  open_database(const open_database&) = delete;
  open_database& operator=(const open_database&) = delete;
  ~open_database();

  ::rocksdb::DB& raw() const { return *database_; }
  ::rocksdb::ColumnFamilyHandle* handle(family which) const {
    return handles_[static_cast<std::size_t>(which)];
  }
  /// Where it lies, for messages.
  const std::string& folder() const { return folder_; }

  /// The owner's record; empty when there is none.
  result<std::string> owner() const;
  /// Visits everything in a column family.
  result<void> visit(family which, const pair_visitor& visitor) const;
  /// How much of the disk is free, in bytes; a great deal when the system does not tell.
  std::uint64_t free_bytes() const;

  /// What RocksDB says, as an error that names folder and column family, and what to do.
  result<void> outcome(const ::rocksdb::Status& status, family which, std::string_view doing) const;
  /// Damage: what does not hold, and what to do.
  std::unexpected<error> damaged(family which, std::string_view what) const;

 private:
  explicit open_database(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  std::unique_ptr<::rocksdb::DB> database_;
  std::vector<::rocksdb::ColumnFamilyHandle*> handles_;
};

/// As `open_database::outcome`.
result<void> outcome_of(const ::rocksdb::Status& status, const std::string& folder, family which,
                        std::string_view doing);

}  // namespace mainstay::database
