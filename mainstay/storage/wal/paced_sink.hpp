/// A sink that takes its time: a state of gigabytes, written as fast as the disk takes it, would
/// slow down the log on the same disk, and with it every command.
#pragma once

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

/// Passes everything on, at most so many bytes a second on average, by letting the caller wait.
class paced_sink final : public snapshot_sink {
 public:
  /// Precondition: `bytes_per_second` is not 0.
  paced_sink(std::unique_ptr<snapshot_sink> inside, std::uint64_t bytes_per_second, waiting how)
      : inside_(std::move(inside)),
        bytes_per_second_(static_cast<double>(bytes_per_second)),
        how_(std::move(how)),
        began_(how_.now()) {}

  result<void> write(std::span<const std::byte> bytes) override {
    if (auto written = inside_->write(bytes); !written) return written;
    bytes_ += static_cast<double>(bytes.size());
    const std::chrono::duration<double> due(bytes_ / bytes_per_second_);
    const duration ahead = std::chrono::duration_cast<duration>(due) - (how_.now() - began_);
    // Many short waits would cost more than they spare.
    if (ahead > std::chrono::milliseconds(1)) how_.sleep(ahead);
    return {};
  }
  result<core::snapshot> commit() override { return inside_->commit(); }

 private:
  std::unique_ptr<snapshot_sink> inside_;
  double bytes_per_second_;
  waiting how_;
  instant began_;
  double bytes_ = 0;
};

}  // namespace mainstay::wal
