/// Between connections and the gateway: gathers what the connections of one thread ask during one
/// turn into one batch, and brings the answers back with one wake-up. It knows neither sockets nor
/// RESP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "mainstay/base/shared_bytes.hpp"

#include "server/gateway.hpp"

namespace mainstay::server {

/// Whoever asked: receives the outcomes of its runs.
class outcome_sink {
 public:
  virtual ~outcome_sink() = default;
  /// The outcomes of one run of commands, in order. Runs may complete in any order.
  virtual void on_outcomes(std::uint64_t run, std::span<command_outcome> found) = 0;
  /// All outcomes that had arrived have been handed over: time to write replies.
  virtual void on_delivered() = 0;
};

/// The ways to the cluster, by what they promise about writes of the same client: stale reads
/// nothing. How fresh a read is beyond that, its terms say.
enum class lane : std::uint8_t { write, session, linearizable_read, stale_read };

/// How many lanes there are.
inline constexpr std::size_t lanes = 4;

/// For one thread, but for what the waker does.
class dispatcher {
 public:
  /// `schedule_flush` arranges that `flush` is called at the end of this turn. `wake` may be called
  /// from any thread and arranges that `drain` is called on this one.
  struct hooks {
    std::function<void()> schedule_flush;
    std::function<void()> wake;
  };

  dispatcher(gateway& cluster, duration request_timeout, hooks h);
  dispatcher(const dispatcher&) = delete;
  dispatcher& operator=(const dispatcher&) = delete;
  /// Outcomes that arrive later are dropped.
  ~dispatcher();

  /// Adds one command to the batch of a lane. `run` is the sink's own number for an unbroken
  /// sequence of commands in one lane; equal numbers that follow one another make one run.
  /// Reads of other terms than those that have gathered send these on their way first.
  void add(lane l, const std::shared_ptr<outcome_sink>& sink, std::uint64_t run,
           shared_bytes payload, const read_terms& terms = {});
  /// Sends what has gathered. Commands of one sink and lane stay in order.
  void flush();
  /// Hands out the outcomes that have arrived.
  void drain();

  /// True when a further command of the sink can join the run that it added to last: then nothing
  /// of another lane or sink, and no flush, has come between.
  bool is_open(lane l, const outcome_sink* sink, std::uint64_t run,
               const read_terms& terms = {}) const;

 private:
  /// Commands of one sink that stand together in a batch.
  struct member {
    std::shared_ptr<outcome_sink> sink;
    std::uint64_t run;
    std::size_t count;
  };
  struct batch {
    std::vector<shared_bytes> payloads;
    std::vector<member> members;
    std::size_t bytes = 0;
    read_terms terms;
  };
  struct delivery {
    std::vector<member> members;
    outcomes found;
  };
  /// Where other threads leave outcomes; outlives the dispatcher if need be.
  struct mailbox {
    std::mutex mutex;
    std::vector<delivery> arrived;  ///< guarded by mutex
    std::function<void()> wake;     ///< guarded by mutex; empty once the dispatcher is gone

    void put(delivery d);
  };

  void send(lane l);

  gateway& cluster_;
  duration request_timeout_;
  std::function<void()> schedule_flush_;
  bool flush_scheduled_ = false;
  std::array<batch, lanes> batches_;
  std::shared_ptr<mailbox> mailbox_;
  std::vector<delivery> delivering_;  ///< kept for its capacity
};

}  // namespace mainstay::server
