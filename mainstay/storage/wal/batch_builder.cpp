#include "mainstay/storage/wal/batch_builder.hpp"

#include <algorithm>
#include <cstring>

#include "mainstay/base/assert.hpp"

namespace mainstay::wal {

namespace {

// Below this, copying a payload costs less than a piece of its own in the kernel's list
// (docs/decisions/0007-one-write-one-flush.md).
constexpr std::size_t copied_payload = 2048;

constexpr std::size_t first_capacity = 64 * 1024;
constexpr std::size_t kept_capacity = 4 * 1024 * 1024;

}  // namespace

void batch_builder::begin(const batch_header& header, std::uint64_t segment_seed,
                          std::uint64_t chain) {
  MAINSTAY_ASSERT(!open_);
  open_ = true;
  header_ = header;
  header_.length = header_.count = 0;
  seed_ = segment_seed;
  chain_ = chain;
  size_ = batch_header_size;
  reserve(batch_header_size);
  keep_inside(batch_header_size);
}

void batch_builder::add(const record_header& header, std::span<const std::byte> payload) {
  MAINSTAY_ASSERT(open_);
  const auto whole = record_size(payload.size());
  const auto padding = whole - record_header_size - payload.size();
  if (payload.size() <= copied_payload) {
    auto* at = reserve(whole);
    chain_ = encode(header, payload, chain_, record_header_bytes(at, record_header_size));
    if (!payload.empty()) std::memcpy(at + record_header_size, payload.data(), payload.size());
    std::memset(at + whole - padding, 0, padding);
    keep_inside(whole);
  } else {
    auto* at = reserve(record_header_size);
    chain_ = encode(header, payload, chain_, record_header_bytes(at, record_header_size));
    keep_inside(record_header_size);
    pieces_.push_back({payload.data(), payload.size()});
    if (padding > 0) {
      std::memset(reserve(padding), 0, padding);
      keep_inside(padding);
    }
  }
  size_ += whole;
  ++header_.count;
}

std::span<const std::span<const std::byte>> batch_builder::finish() {
  MAINSTAY_ASSERT(open_);
  header_.length = static_cast<std::uint32_t>(size_ - batch_header_size);
  encode(header_, seed_, batch_header_bytes(buffer_.get(), batch_header_size));
  spans_.clear();
  const std::byte* inside = buffer_.get();
  for (const auto& p : pieces_) {
    spans_.emplace_back(p.outside != nullptr ? p.outside : inside, p.length);
    if (p.outside == nullptr) inside += p.length;
  }
  return spans_;
}

void batch_builder::clear() {
  open_ = false;
  used_ = 0;
  pieces_.clear();
  if (capacity_ > kept_capacity) {
    buffer_.reset();
    capacity_ = 0;
  }
}

std::byte* batch_builder::reserve(std::size_t length) {
  if (capacity_ - used_ < length) {
    const auto wanted = std::max({first_capacity, 2 * capacity_, used_ + length});
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (used_ > 0) std::memcpy(larger.get(), buffer_.get(), used_);
    buffer_ = std::move(larger);
    capacity_ = wanted;
  }
  return buffer_.get() + used_;
}

void batch_builder::keep_inside(std::size_t length) {
  used_ += length;
  if (!pieces_.empty() && pieces_.back().outside == nullptr) {
    pieces_.back().length += length;
  } else {
    pieces_.push_back({nullptr, length});
  }
}

}  // namespace mainstay::wal
