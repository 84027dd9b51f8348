#include "mainstay/storage/rocksdb/database.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include "mainstay/storage/rocksdb/values.hpp"

namespace mainstay::database {

namespace {

constexpr std::string_view advice =
    "; do not delete anything to get the node started: restore the directory from the same disk, "
    "or remove the whole directory and let the node join again as a new one "
    "(docs/operations.md, \"A wiped or replaced disk\")";

constexpr std::size_t most_message_files = 2;
constexpr std::size_t message_file_bytes = 1 << 20;

/// After a failure RocksDB would go on by itself, in a file that may be half written. A log that
/// failed is dead.
class no_recovery_unasked final : public ::rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(::rocksdb::BackgroundErrorReason /*reason*/,
                            ::rocksdb::Status /*failure*/, bool* goes_on) override {
    *goes_on = false;
  }
};

::rocksdb::Options settings_of(const database_options& from) {
  ::rocksdb::Options options;
  if (from.environment != nullptr) options.env = from.environment;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  // A record that a crash cut short is not there; anything else that does not hold is damage, and
  // never the end of the log.
  options.wal_recovery_mode = ::rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.listeners.push_back(std::make_shared<no_recovery_unasked>());
  options.max_bgerror_resume_count = 0;
  // The families with little in them would keep old logs for ever.
  options.max_total_wal_size = write_buffers * from.write_buffer_bytes;
  options.write_buffer_size = from.write_buffer_bytes;
  options.max_write_buffer_number = write_buffers;
  options.compression = ::rocksdb::kNoCompression;
  options.info_log_level = ::rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = most_message_files;
  options.max_log_file_size = message_file_bytes;
  return options;
}

}  // namespace

std::string name_of(family which) {
  switch (which) {
    case family::owner:
      return ::rocksdb::kDefaultColumnFamilyName;
    case family::entries:
      return std::string(entries_family);
    case family::hard_state:
      return std::string(hard_state_family);
    case family::snapshots:
      return std::string(snapshots_family);
  }
  return {};
}

result<void> outcome_of(const ::rocksdb::Status& status, const std::string& folder, family which,
                        std::string_view doing) {
  if (status.ok()) return {};
  const bool is_damaged = status.IsCorruption();
  const auto code = status.IsNoSpace() ? error_code::no_space
                    : is_damaged       ? error_code::corrupt
                                       : error_code::io_failed;
  return fail(code, fmt::format("{}: column family {}: {}: {}{}", folder, name_of(which), doing,
                                status.ToString(), is_damaged ? advice : ""));
}

result<void> open_database::outcome(const ::rocksdb::Status& status, family which,
                                    std::string_view doing) const {
  return outcome_of(status, folder_, which, doing);
}

std::unexpected<error> open_database::damaged(family which, std::string_view what) const {
  return fail(error_code::corrupt, fmt::format("{}: column family {}: damaged: {}{}", folder_,
                                               name_of(which), what, advice));
}

result<std::unique_ptr<open_database>> open_database::open(const database_options& options) {
  std::unique_ptr<open_database> made(new open_database(options.folder));
  const auto settings = settings_of(options);
  std::vector<::rocksdb::ColumnFamilyDescriptor> families;
  for (const auto which : {family::owner, family::entries, family::hard_state, family::snapshots}) {
    families.emplace_back(name_of(which), settings);
  }
  ::rocksdb::DB* opened = nullptr;
  const auto status =
      ::rocksdb::DB::Open(settings, options.folder, families, &made->handles_, &opened);
  made->database_.reset(opened);
  if (auto ok = made->outcome(status, family::owner, "open"); !ok) {
    return std::unexpected(ok.error());
  }
  return made;
}

result<std::unique_ptr<open_database>> open_database::open_to_look(const std::string& folder) {
  std::unique_ptr<open_database> made(new open_database(folder));
  ::rocksdb::Options settings;
  settings.info_log_level = ::rocksdb::InfoLogLevel::FATAL_LEVEL;
  ::rocksdb::DB* opened = nullptr;
  const auto status = ::rocksdb::DB::OpenForReadOnly(
      settings, folder, {{name_of(family::owner), settings}}, &made->handles_, &opened);
  made->database_.reset(opened);
  if (auto ok = made->outcome(status, family::owner, "open"); !ok) {
    return std::unexpected(ok.error());
  }
  return made;
}

open_database::~open_database() {
  if (!database_) return;
  for (auto* handle : handles_) (void)database_->DestroyColumnFamilyHandle(handle);
  (void)database_->Close();
}

result<std::string> open_database::owner() const {
  std::string value;
  const auto status =
      database_->Get({}, handle(family::owner), ::rocksdb::Slice(owner_key), &value);
  if (status.IsNotFound()) return std::string();
  if (auto ok = outcome(status, family::owner, "read"); !ok) return std::unexpected(ok.error());
  return value;
}

result<void> open_database::visit(family which, const pair_visitor& visitor) const {
  ::rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.readahead_size = 1 << 20;
  const std::unique_ptr<::rocksdb::Iterator> at(database_->NewIterator(how, handle(which)));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (auto ok = visitor(at->key().ToStringView(), at->value().ToStringView()); !ok) return ok;
  }
  return outcome(at->status(), which, "read");
}

std::uint64_t open_database::free_bytes() const {
  std::uint64_t free = 0;
  if (database_->GetEnv()->GetFreeSpace(folder_, &free).ok()) return free;
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace mainstay::database
