#include "mainstay/base/shared_bytes.hpp"

#include <algorithm>
#include <new>

#include "mainstay/base/assert.hpp"

namespace mainstay {

namespace detail {

byte_block* byte_block::create(std::size_t capacity, const byte_meter& meter) {
  void* memory = ::operator new(sizeof(byte_block) + capacity);
  auto* block = new (memory) byte_block;
  block->capacity = capacity;
  block->meter = meter;
  if (meter) meter->fetch_add(capacity, std::memory_order_relaxed);
  return block;
}

void byte_block::destroy(byte_block* block) noexcept {
  if (block->meter) block->meter->fetch_sub(block->capacity, std::memory_order_relaxed);
  block->~byte_block();
  ::operator delete(block);
}

}  // namespace detail

shared_bytes shared_bytes::copy_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  auto* block = detail::byte_block::create(bytes.size());
  std::memcpy(block->data(), bytes.data(), bytes.size());
  return {block, block->data(), bytes.size()};
}

shared_bytes shared_bytes::copy_of(std::string_view text) {
  return copy_of(std::as_bytes(std::span(text)));
}

shared_bytes shared_bytes::slice(std::size_t offset, std::size_t length) const {
  MAINSTAY_ASSERT(offset <= size_ && length <= size_ - offset);
  if (length == 0) return {};
  block_->retain();
  return {block_, data_ + offset, length};
}

shared_bytes byte_arena::copy(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  const auto room = reserve(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  return commit(bytes.size());
}

std::span<std::byte> byte_arena::reserve(std::size_t minimum) {
  if (block_ == nullptr || block_->capacity - used_ < minimum) {
    auto* fresh = detail::byte_block::create(std::max(block_size_, minimum), meter_);
    if (block_ != nullptr) block_->release();
    block_ = fresh;
    used_ = 0;
  }
  return {block_->data() + used_, block_->capacity - used_};
}

shared_bytes byte_arena::commit(std::size_t used) {
  if (used == 0) return {};
  MAINSTAY_ASSERT(block_ != nullptr && used <= block_->capacity - used_);
  const std::byte* data = block_->data() + used_;
  used_ += used;
  block_->retain();
  return {block_, data, used};
}

void byte_arena::rewind() noexcept {
  // Acquire: whoever dropped the last slice has finished reading before the bytes are overwritten.
  if (block_ == nullptr || block_->references.load(std::memory_order_acquire) != 1) return;
  used_ = 0;
  if (block_->capacity <= block_size_) return;
  block_->release();
  block_ = nullptr;
}

}  // namespace mainstay
