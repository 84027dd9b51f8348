#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/rocksdb/database_log.hpp"
#include "mainstay/storage/wal/log_activity.hpp"
#include "mainstay/storage/wal/other_engine.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"

namespace mainstay {

namespace {

mainstay::incarnation draw_incarnation(std::uint64_t seed) {
  random_generator random(seed);
  auto drawn = random.next();
  while (drawn == 0) drawn = random.next();
  return mainstay::incarnation(drawn);
}

/// There is nothing to do for a database that is idle.
constexpr auto idle_time = std::chrono::seconds(1);

}  // namespace

/// The log, the files beside it, and the threads that work on it.
class rocksdb_engine::implementation {
 public:
  explicit implementation(const rocksdb_options& options)
      : activity_(idle_time, options.snapshot_bytes_per_second) {}

  result<void> open(const rocksdb_options& options) {
    auto log = database::database_log::open(
        {.directory = options.directory,
         .identity = {options.cluster, options.node, draw_incarnation(options.seed)},
         .bootstrap = options.bootstrap,
         .write_buffer_bytes = options.write_buffer_bytes,
         .environment = options.environment},
        files_);
    if (!log) return std::unexpected(log.error());
    activity_.start(*std::move(log));
    return {};
  }

  wal::log_activity<database::database_log>& activity() { return activity_; }
  database::database_log& log() const { return activity_.log(); }

 private:
  wal::posix_file_system files_;
  wal::log_activity<database::database_log> activity_;
};

rocksdb_engine::rocksdb_engine(std::unique_ptr<implementation> inside)
    : inside_(std::move(inside)) {}

rocksdb_engine::~rocksdb_engine() { stop(); }

result<std::unique_ptr<rocksdb_engine>> rocksdb_engine::open(const rocksdb_options& options) {
  auto inside = std::make_unique<implementation>(options);
  if (auto ok = inside->open(options); !ok) return std::unexpected(ok.error());
  return std::unique_ptr<rocksdb_engine>(new rocksdb_engine(std::move(inside)));
}

result<std::optional<cluster_id>> rocksdb_engine::find_cluster(const std::string& directory) {
  std::error_code unknown;
  if (!std::filesystem::exists(directory, unknown)) return std::nullopt;
  wal::posix_file_system files;
  auto ok = wal::refuse_other_engine(files, directory, wal::engine_kind::rocksdb);
  if (!ok) return std::unexpected(ok.error());
  const auto folder = directory + "/" + std::string(wal::database_folder);
  if (!std::filesystem::exists(folder + "/CURRENT", unknown)) return std::nullopt;
  const auto database = database::open_database::open_to_look(folder);
  if (!database) return std::unexpected(database.error());
  const auto value = (*database)->owner();
  if (!value) return std::unexpected(value.error());
  if (value->empty()) return std::nullopt;
  const auto owner = database::owner_in(*value);
  if (!owner) return fail(owner.error().code, folder + ": " + owner.error().message);
  return owner->identity.cluster;
}

cluster_id rocksdb_engine::cluster() const { return inside_->log().identity().cluster; }
node_id rocksdb_engine::node() const { return inside_->log().identity().node; }
mainstay::incarnation rocksdb_engine::incarnation() const {
  return inside_->log().identity().incarnation;
}
const core::configuration& rocksdb_engine::bootstrap() const { return inside_->log().bootstrap(); }
wal::peer_file& rocksdb_engine::peers() { return inside_->log().peers(); }

result<recovered_state> rocksdb_engine::recover(group_id group, std::uint64_t max_tail_bytes) {
  return inside_->activity().recover(group, max_tail_bytes);
}

void rocksdb_engine::append(group_id group, core::persist_batch batch, append_done done) {
  inside_->activity().append(group, std::move(batch), std::move(done));
}

void rocksdb_engine::read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
                          read_done done) {
  inside_->activity().read(group, first, last, max_bytes, std::move(done));
}

void rocksdb_engine::compact(group_id group, log_index index, append_done done) {
  inside_->activity().compact(group, index, std::move(done));
}

result<std::unique_ptr<snapshot_sink>> rocksdb_engine::begin_snapshot(
    group_id group, const core::snapshot_contents& contents) {
  return inside_->activity().begin_snapshot(group, contents);
}

result<std::unique_ptr<snapshot_source>> rocksdb_engine::open_snapshot(
    group_id group, const core::snapshot_id& id) {
  return inside_->activity().open_snapshot(group, id);
}

void rocksdb_engine::read_snapshot(group_id group, const core::snapshot_id& id,
                                   std::uint64_t offset, std::uint64_t max_bytes,
                                   snapshot_read_done done) {
  inside_->activity().read_snapshot(group, id, offset, max_bytes, std::move(done));
}

void rocksdb_engine::receive_snapshot(group_id group, const core::snapshot_id& id,
                                      std::uint64_t offset, shared_bytes data,
                                      snapshot_received_done done) {
  inside_->activity().receive_snapshot(group, id, offset, std::move(data), std::move(done));
}

void rocksdb_engine::install_snapshot(group_id group, const core::snapshot_id& id,
                                      snapshot_installed_done done) {
  inside_->activity().install_snapshot(group, id, std::move(done));
}

void rocksdb_engine::stop() { inside_->activity().stop(); }

static_assert(persistence_engine<rocksdb_engine>);

}  // namespace mainstay
