/// Reads a snapshot image from a file from front to back, checking every part before its state is
/// handed out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/image_verifier.hpp"

namespace mainstay::wal {

/// One thread at a time. Errors of all functions name the file: `corrupt` with the offset,
/// `unsupported`, `io_failed`.
class image_reader {
 public:
  image_reader(std::unique_ptr<file> opened, std::string path)
      : file_(std::move(opened)), path_(std::move(path)) {}
  image_reader(const image_reader&) = delete;
  image_reader& operator=(const image_reader&) = delete;

  /// The state in the next part; empty for a part that has none. Valid until the next call.
  /// Precondition: not complete.
  result<std::span<const std::byte>> next();
  /// Reads and checks everything that is left; gives what the image is.
  result<core::snapshot> read_all();

  /// What has been read and checked so far.
  const image_verifier& seen() const { return verifier_; }
  const std::string& path() const { return path_; }

 private:
  result<void> fill(std::size_t wanted);
  std::unexpected<error> refuse(const error& why) const;

  std::unique_ptr<file> file_;
  std::string path_;
  std::span<const std::byte> state_;
  image_verifier verifier_{[this](std::span<const std::byte> state) { state_ = state; }};
  std::vector<std::byte> part_;
};

/// The state in a whole image: a `snapshot_source` on a file.
class image_source final : public snapshot_source {
 public:
  /// `expected` is what the image has to turn out to be.
  image_source(std::unique_ptr<file> opened, std::string path, const core::snapshot_id& expected)
      : reader_(std::move(opened), std::move(path)), expected_(expected) {}

  result<std::size_t> read(std::span<std::byte> room) override;

 private:
  image_reader reader_;
  core::snapshot_id expected_;
  std::span<const std::byte> left_;
};

}  // namespace mainstay::wal
