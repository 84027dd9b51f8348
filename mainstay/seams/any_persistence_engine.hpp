/// An engine chosen at run time: whatever satisfies `persistence_engine`, behind virtual functions.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "mainstay/seams/persistence_engine.hpp"

namespace mainstay {

/// Satisfies `persistence_engine` by one that it owns. Moving it does not move the engine.
class any_persistence_engine {
 public:
  /// Precondition: not null.
  template <persistence_engine Engine>
  explicit any_persistence_engine(std::unique_ptr<Engine> engine)
      : inside_(std::make_unique<holder<Engine>>(std::move(engine))) {}

  /// See `persistence_engine`.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) {
    return inside_->recover(group, max_tail_bytes);
  }
  void append(group_id group, core::persist_batch batch, append_done done) {
    inside_->append(group, std::move(batch), std::move(done));
  }
  void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
            read_done done) {
    inside_->read(group, first, last, max_bytes, std::move(done));
  }
  void compact(group_id group, log_index index, append_done done) {
    inside_->compact(group, index, std::move(done));
  }
  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents) {
    return inside_->begin_snapshot(group, contents);
  }
  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id) {
    return inside_->open_snapshot(group, id);
  }
  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done) {
    inside_->read_snapshot(group, id, offset, max_bytes, std::move(done));
  }
  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        shared_bytes data, snapshot_received_done done) {
    inside_->receive_snapshot(group, id, offset, std::move(data), std::move(done));
  }
  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done) {
    inside_->install_snapshot(group, id, std::move(done));
  }
  void stop() { inside_->stop(); }

 private:
  struct contract {
    virtual ~contract() = default;
    virtual result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) = 0;
    virtual void append(group_id group, core::persist_batch batch, append_done done) = 0;
    virtual void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
                      read_done done) = 0;
    virtual void compact(group_id group, log_index index, append_done done) = 0;
    virtual result<std::unique_ptr<snapshot_sink>> begin_snapshot(
        group_id group, const core::snapshot_contents& contents) = 0;
    virtual result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                                   const core::snapshot_id& id) = 0;
    virtual void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                               std::uint64_t max_bytes, snapshot_read_done done) = 0;
    virtual void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                                  shared_bytes data, snapshot_received_done done) = 0;
    virtual void install_snapshot(group_id group, const core::snapshot_id& id,
                                  snapshot_installed_done done) = 0;
    virtual void stop() = 0;
  };

  template <class Engine>
  struct holder final : contract {
    explicit holder(std::unique_ptr<Engine> held) : engine(std::move(held)) {}

    result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) override {
      return engine->recover(group, max_tail_bytes);
    }
    void append(group_id group, core::persist_batch batch, append_done done) override {
      engine->append(group, std::move(batch), std::move(done));
    }
    void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
              read_done done) override {
      engine->read(group, first, last, max_bytes, std::move(done));
    }
    void compact(group_id group, log_index index, append_done done) override {
      engine->compact(group, index, std::move(done));
    }
    result<std::unique_ptr<snapshot_sink>> begin_snapshot(
        group_id group, const core::snapshot_contents& contents) override {
      return engine->begin_snapshot(group, contents);
    }
    result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                           const core::snapshot_id& id) override {
      return engine->open_snapshot(group, id);
    }
    void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                       std::uint64_t max_bytes, snapshot_read_done done) override {
      engine->read_snapshot(group, id, offset, max_bytes, std::move(done));
    }
    void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                          shared_bytes data, snapshot_received_done done) override {
      engine->receive_snapshot(group, id, offset, std::move(data), std::move(done));
    }
    void install_snapshot(group_id group, const core::snapshot_id& id,
                          snapshot_installed_done done) override {
      engine->install_snapshot(group, id, std::move(done));
    }
    void stop() override { engine->stop(); }

    std::unique_ptr<Engine> engine;
  };

  std::unique_ptr<contract> inside_;
};

static_assert(persistence_engine<any_persistence_engine>);

}  // namespace mainstay
