/// A sink that takes its time: a state of gigabytes, written as fast as the disk takes it, would
/// slow down the log on the same disk, and with it every command.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "mainstay/base/time.hpp"
#include "mainstay/seams/persistence_engine.hpp"

namespace mainstay::wal {

/// How a thread waits; replaced in tests.
struct waiting {
  std::function<instant()> now;
  std::function<void(duration)> sleep;
};

/// Passes everything on, at most so many bytes a second, by letting the caller wait. Time that the
/// disk took beyond that is not made up for: the log has just waited for the same disk.
class paced_sink final : public snapshot_sink {
 public:
  /// Precondition: `bytes_per_second` is not 0.
  paced_sink(std::unique_ptr<snapshot_sink> inside, std::uint64_t bytes_per_second, waiting how)
      : inside_(std::move(inside)),
        bytes_per_second_(static_cast<double>(bytes_per_second)),
        how_(std::move(how)),
        due_(how_.now()) {}

  result<void> write(std::span<const std::byte> bytes) override {
    if (auto written = inside_->write(bytes); !written) return written;
    const std::chrono::duration<double> share(static_cast<double>(bytes.size()) /
                                              bytes_per_second_);
    const instant now = how_.now();
    due_ = std::max(due_ + std::chrono::duration_cast<duration>(share), now);
    // Many short waits would cost more than they spare.
    if (due_ - now > std::chrono::milliseconds(1)) how_.sleep(due_ - now);
    return {};
  }
  result<core::snapshot> commit() override { return inside_->commit(); }

 private:
  std::unique_ptr<snapshot_sink> inside_;
  double bytes_per_second_;
  waiting how_;
  instant due_;  // of the next bytes
};

}  // namespace mainstay::wal
