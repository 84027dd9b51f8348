/// Immutable bytes with shared ownership. A command's payload is received once and from then on
/// log, disk, peers and state machine hold slices of the same block; nothing is copied.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace mainstay {

/// How many bytes of blocks are alive. Any thread may read it.
using byte_meter = std::shared_ptr<std::atomic<std::size_t>>;

namespace detail {

/// The counted header in front of a block's bytes.
struct byte_block {
  std::atomic<std::size_t> references{1};
  std::size_t capacity = 0;
  byte_meter meter;  ///< null: nobody counts

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  static byte_block* create(std::size_t capacity, const byte_meter& meter = nullptr);
  static void destroy(byte_block* block) noexcept;

  void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(this);
  }
};

}  // namespace detail

/// A slice of a counted block: pointer, length, owner. Copying shares; the bytes never change.
/// Threads may hold copies freely; one object is for one thread at a time.
class shared_bytes {
 public:
  shared_bytes() = default;
  shared_bytes(const shared_bytes& other) noexcept
      : block_(other.block_), data_(other.data_), size_(other.size_) {
    if (block_ != nullptr) block_->retain();
  }
  shared_bytes(shared_bytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  shared_bytes& operator=(shared_bytes other) noexcept {
    swap(other);
    return *this;
  }
  ~shared_bytes() {
    if (block_ != nullptr) block_->release();
  }

  /// A block of its own with a copy of `bytes`.
  static shared_bytes copy_of(std::span<const std::byte> bytes);
  static shared_bytes copy_of(std::string_view text);

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const std::byte> span() const { return {data_, size_}; }
  /// The same bytes as characters.
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  /// `length` bytes from `offset`, sharing the block. Precondition: they lie within.
  shared_bytes slice(std::size_t offset, std::size_t length) const;

  void swap(shared_bytes& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  friend bool operator==(const shared_bytes& a, const shared_bytes& b) {
    return a.text() == b.text();
  }

 private:
  friend class byte_arena;
  /// Takes over one reference to `block`.
  shared_bytes(detail::byte_block* block, const std::byte* data, std::size_t size)
      : block_(block), data_(data), size_(size) {}

  detail::byte_block* block_ = nullptr;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Hands out slices of large blocks, so that many small payloads cost one allocation. For one
/// thread at a time; the slices outlive the arena.
class byte_arena {
 public:
  /// `block_size` is the size of an ordinary block; larger requests get a block of their own.
  /// Its blocks count in `meter`, as long as a slice of them is alive anywhere.
  explicit byte_arena(std::size_t block_size = 64 * 1024, byte_meter meter = nullptr)
      : block_size_(block_size), meter_(std::move(meter)) {}
  byte_arena(const byte_arena&) = delete;
  byte_arena& operator=(const byte_arena&) = delete;
  byte_arena(byte_arena&& other) noexcept
      : block_size_(other.block_size_),
        meter_(std::move(other.meter_)),
        block_(std::exchange(other.block_, nullptr)),
        used_(std::exchange(other.used_, 0)) {}
  ~byte_arena() {
    if (block_ != nullptr) block_->release();
  }

  /// A slice that holds a copy of `bytes`.
  shared_bytes copy(std::span<const std::byte> bytes);
  shared_bytes copy(std::string_view text) { return copy(std::as_bytes(std::span(text))); }

  /// Room of at least `minimum` bytes to receive into. Valid until the next call on the arena.
  std::span<std::byte> reserve(std::size_t minimum);
  /// Turns the first `used` bytes of the reserved room into a slice. Precondition: it was reserved.
  shared_bytes commit(std::size_t used);
  /// Starts the block over when no slice of it is left, and drops it when it is an oversized one.
  /// Cheap to ask; ends what `reserve` gave.
  void rewind() noexcept;

 private:
  std::size_t block_size_;
  byte_meter meter_;
  detail::byte_block* block_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace mainstay
