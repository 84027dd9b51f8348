/// The write-ahead log of a simulated node: the real one, on a simulated disk, without threads.
/// What gathers while one flush is under way shares the next, as in `wal_engine`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/simulation/event_queue.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/simulation/simulated_runtime.hpp"
#include "mainstay/storage/wal/group_commit.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

namespace mainstay::simulation {

/// Prepares segments beside the appends: a job's outcome can be collected when the disk is done.
class delayed_runner final : public wal::supply_runner {
 public:
  delayed_runner(event_queue& events, simulated_disk& disk) : events_(events), disk_(disk) {}
  void start(wal::supply_job job) override;
  std::optional<wal::supply_outcome> collect(bool wait) override;

 private:
  event_queue& events_;
  simulated_disk& disk_;
  std::optional<wal::supply_outcome> outcome_;
  instant there_at_{};
};

/// Satisfies `persistence_engine`. Completions are events of the process; work and its completion
/// lie apart by what the disk takes. Dropped without `stop`, it leaves what was under way undone
/// and completes nothing, as when the power fails.
class simulated_log_engine {
 public:
  /// How long nothing may be written before the last flush is proven (wal_options).
  static constexpr duration idle_before_proof = std::chrono::seconds(1);

  /// Opens the log on `disk`; errors are those of `segmented_log::open`. `runtime` and `disk` must
  /// outlive the engine.
  static result<std::unique_ptr<simulated_log_engine>> open(const wal::log_options& options,
                                                            simulated_disk& disk,
                                                            simulated_runtime& runtime);
  simulated_log_engine(const simulated_log_engine&) = delete;
  simulated_log_engine& operator=(const simulated_log_engine&) = delete;
  ~simulated_log_engine();

  const wal::segmented_log& log() const { return *log_; }
  /// Batches and base markers that were asked for and are not complete.
  std::size_t outstanding() const { return queue_.size() + under_way_.size(); }

  /// See `persistence_engine`.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes);
  void append(group_id group, core::persist_batch batch, append_done done);
  void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
            read_done done);
  void compact(group_id group, log_index index, append_done done);
  /// What is written to the sink takes the disk's time, as its commit does: the background waits
  /// for it, and the power may fail meanwhile.
  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents);
  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id);
  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done);
  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        shared_bytes data, snapshot_received_done done);
  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done);
  void stop();

 private:
  struct append_request {
    group_id group;
    core::persist_batch batch;
    append_done done;
  };
  struct compact_request {
    group_id group;
    log_index index;
    append_done done;
  };
  struct read_request {
    group_id group;
    log_index first;
    log_index last;
    std::uint64_t max_bytes;
    read_done done;
    result<std::vector<core::entry>> outcome;
  };
  /// Something done with images.
  struct image_request {
    std::move_only_function<void()> work;
    std::move_only_function<void()> done;  ///< tells the outcome of `work`, or that it was not done
  };
  using request = std::variant<append_request, compact_request, read_request, image_request>;
  class storage_activity;
  class timed_sink;

  simulated_log_engine(simulated_disk& disk, simulated_runtime& runtime);

  void push(request r);
  template <class Done, class Work>
  void push_image_work(Done done, Work work);
  void serve();
  void finish();
  void prove_when_idle();
  void work_on(std::vector<request>& requests);
  void complete(std::vector<request>& requests);

  simulated_disk& disk_;
  simulated_runtime& runtime_;
  delayed_runner runner_;
  std::unique_ptr<wal::segmented_log> log_;
  std::unique_ptr<storage_activity> activity_;
  wal::group_commit round_;
  std::vector<result<void>> outcomes_;  // of what is under way
  std::vector<request> queue_;
  std::vector<request> under_way_;
  bool awake_ = false;  // serves, or will
  bool stopped_ = false;
  bool watches_ = false;  // will look whether it is idle
  instant last_work_{};
};

}  // namespace mainstay::simulation
