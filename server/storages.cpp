#include "server/storages.hpp"

#include <filesystem>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/random.hpp"
#include "mainstay/defaults.hpp"
#include "mainstay/storage/memory/memory_engine.hpp"
#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"
#include "mainstay/storage/wal/inspect.hpp"
#include "mainstay/storage/wal/other_engine.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace mainstay::server {

namespace {

/// Runs tasks on a thread that ends with the last copy.
class thread_executor {
 public:
  void post(task work) { thread_->post(std::move(work)); }

 private:
  std::shared_ptr<wal::worker> thread_ = std::make_shared<wal::worker>();
};

bool exists(const std::string& directory) {
  std::error_code failure;
  return std::filesystem::exists(directory, failure);
}

template <class Engine>
result<opened_storage> opened(result<std::unique_ptr<Engine>> engine) {
  if (!engine) return std::unexpected(engine.error());
  const auto disk = (*engine)->incarnation();
  auto bootstrap = (*engine)->bootstrap();
  auto identities = identities_in((*engine)->peers());
  return opened_storage{any_persistence_engine(*std::move(engine)), disk, std::move(bootstrap),
                        std::move(identities)};
}

result<opened_storage> open_memory(const server_config& config, std::uint64_t seed,
                                   logger_ref log) {
  wal::posix_file_system files;
  if (exists(config.data)) {
    auto ok = wal::refuse_other_engine(files, config.data, wal::engine_kind::memory);
    if (!ok) return std::unexpected(ok.error());
  }
  log.log(log_level::warning, "server", "NOTHING IS DURABLE: the log is kept in memory alone",
          {{"persistence", std::string_view(config.persistence)},
           {"when this node stops", "it has lost everything, and its peers refuse it"}});
  using engine = memory_engine<thread_executor>;
  auto made = std::make_unique<engine>(std::make_shared<memory_disk>(), thread_executor());
  random_generator random(seed);
  return opened_storage{any_persistence_engine(std::move(made)), incarnation(random.next() | 1),
                        config.node.members, std::make_shared<peer_identities>()};
}

}  // namespace

result<opened_storage> open_storage(const server_config& config, std::uint64_t seed,
                                    logger_ref log) {
  if (config.persistence == "memory") return open_memory(config, seed, log);
  if (config.persistence == "rocksdb") {
    return opened(
        rocksdb_engine::open({.directory = config.data,
                              .cluster = config.cluster,
                              .node = config.node.id,
                              .bootstrap = config.node.members,
                              .seed = seed,
                              .snapshot_bytes_per_second = config.snapshot_bytes_per_second}));
  }
  MAINSTAY_ASSERT(config.persistence == "wal");
  return opened(wal_engine::open({.directory = config.data,
                                  .cluster = config.cluster,
                                  .node = config.node.id,
                                  .bootstrap = config.node.members,
                                  .seed = seed,
                                  .segment_bytes = config.segment_bytes,
                                  .snapshot_bytes_per_second = config.snapshot_bytes_per_second}));
}

result<std::optional<cluster_id>> cluster_of_log(const server_config& config) {
  if (config.persistence == "memory" || !exists(config.data)) return std::nullopt;
  if (config.persistence == "rocksdb") return rocksdb_engine::find_cluster(config.data);
  wal::posix_file_system files;
  const auto found = wal::find_log(files, config.data);
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  return (*found)->identity.cluster;
}

}  // namespace mainstay::server
