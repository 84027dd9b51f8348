/// A closed loop of writes or reads inside the leader's process: as many outstanding as asked for,
/// each replaced by the next as soon as its outcome is known. It runs on the node's loop, as a
/// service with callbacks would.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/node/node.hpp"

#include "cli/latency_histogram.hpp"

namespace mainstay::bench {

/// What one run does.
struct proposer_options {
  bool reads = false;  ///< linearizable queries instead of commands
  std::size_t payload_bytes = 128;
  std::size_t outstanding = 1000;  ///< commands or queries in flight
  std::size_t batch = 1;           ///< how many go in one call
  duration warmup = std::chrono::seconds(1);
  duration measured = std::chrono::seconds(2);
};

/// What one run measured.
struct proposer_report {
  std::uint64_t completed = 0;
  std::map<std::string, std::uint64_t, std::less<>> failed;  ///< by the error's code
  double seconds = 0;
  cli::latency_histogram latency;  ///< of what succeeded, from the call, in nanoseconds
};

/// One run. Everything but construction and `wait` happens on the loop.
template <raft_types Types>
class proposer {
 public:
  /// `on_edge` is called on the loop when the measurement begins, and again when it ends.
  proposer(node<Types>& target, typename Types::runtime_type& runtime,
           const proposer_options& options, std::function<void()> on_edge)
      : target_(target),
        runtime_(runtime),
        options_(options),
        on_edge_(std::move(on_edge)),
        payload_(shared_bytes::copy_of(std::string(options.payload_bytes, 'x'))) {}

  /// Runs to the end, from any thread but the loop's; the last outcome has come when it returns.
  proposer_report run() {
    auto finished = finished_.get_future();
    runtime_.loop().post([this] { begin(); });
    finished.wait();
    return std::move(measured_);
  }

 private:
  enum class phase : std::uint8_t { warming, measuring, draining };

  void begin() {
    start_ = runtime_.now();
    std::size_t issued = 0;
    while (issued < options_.outstanding) {
      const auto count = std::min(options_.batch, options_.outstanding - issued);
      issued += count;
      ++in_flight_;
      issue(count);
    }
  }

  void issue(std::size_t count) {
    const auto due = runtime_.now();
    if (options_.batch == 1) {
      auto done = [this, due](const command_outcome& outcome) {
        on_done(1, count_outcome(outcome), due);
      };
      if (options_.reads) {
        target_.query(payload_, {.deadline = due + patience}, std::move(done));
      } else {
        target_.submit(payload_, {.deadline = due + patience}, std::move(done));
      }
      return;
    }
    auto done = [this, due, count](const outcomes& all) {
      std::size_t succeeded = 0;
      for (const auto& outcome : all) succeeded += count_outcome(outcome);
      on_done(count, succeeded, due);
    };
    std::vector<shared_bytes> payloads(count, payload_);
    if (options_.reads) {
      target_.query_batch(std::move(payloads), {.deadline = due + patience}, std::move(done));
    } else {
      target_.submit_batch(std::move(payloads), {.deadline = due + patience}, std::move(done));
    }
  }

  /// 1 when it succeeded, else 0.
  std::size_t count_outcome(const command_outcome& outcome) {
    if (!outcome) ++report_.failed[std::string(name_of(outcome.error().code))];
    if (outcome) ++report_.completed;
    return outcome ? 1 : 0;
  }

  void on_done(std::size_t count, std::size_t succeeded, instant due) {
    const auto now = runtime_.now();
    if (phase_ == phase::measuring) {
      report_.latency.record(static_cast<std::uint64_t>((now - due).count()), succeeded);
    }
    change_phase(now);
    if (phase_ != phase::draining) return issue(count);
    if (--in_flight_ == 0) finished_.set_value();
  }

  void change_phase(instant now) {
    if (phase_ == phase::warming && now - start_ >= options_.warmup) {
      phase_ = phase::measuring;
      report_ = {};
      start_ = now;
      on_edge_();
    } else if (phase_ == phase::measuring && now - start_ >= options_.measured) {
      phase_ = phase::draining;
      report_.seconds = std::chrono::duration<double>(now - start_).count();
      measured_ = std::exchange(report_, {});
      on_edge_();
    }
  }

  static constexpr duration patience = std::chrono::seconds(5);

  node<Types>& target_;
  typename Types::runtime_type& runtime_;
  proposer_options options_;
  std::function<void()> on_edge_;
  shared_bytes payload_;
  phase phase_ = phase::warming;
  instant start_{};
  std::size_t in_flight_ = 0;
  proposer_report report_;
  proposer_report measured_;
  std::promise<void> finished_;
};

}  // namespace mainstay::bench
