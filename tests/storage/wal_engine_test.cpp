// The durable engine on real files: what every engine promises, and what is its own.
#include "mainstay/storage/wal/wal_engine.hpp"

#include <memory>
#include <string>
#include <thread>

#include "tests/conformance/persistence_engine.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay {

namespace {

wal_options options_in(const std::string& directory) {
  wal_options options;
  options.directory = directory;
  options.cluster = cluster_id(7);
  options.node = node_id(1);
  options.bootstrap.voters = {{node_id(1), "127.0.0.1:7101"}};
  options.seed = 42;
  options.segment_bytes = 16 * 1024;
  return options;
}

struct wal_world {
  std::unique_ptr<wal_engine> open() {
    auto engine = wal_engine::open(options_in(directory.path()));
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return std::move(*engine);
  }
  template <class Predicate>
  void wait(Predicate until) {
    while (!until()) std::this_thread::yield();
  }

  scratch_directory directory;
};

}  // namespace

namespace conformance {
using wal_worlds = testing::Types<wal_world>;
INSTANTIATE_TYPED_TEST_SUITE_P(WalOnPosix, PersistenceEngine, wal_worlds);
}  // namespace conformance

}  // namespace mainstay
