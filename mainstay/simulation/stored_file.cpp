#include "mainstay/simulation/stored_file.hpp"

#include <algorithm>
#include <utility>

namespace mainstay::simulation {

namespace {

void put(std::vector<std::byte>& into, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (into.size() < offset + bytes.size()) into.resize(offset + bytes.size());
  std::ranges::copy(bytes, into.begin() + static_cast<std::ptrdiff_t>(offset));
}

void put(std::vector<std::byte>& into, const pending_write& write) {
  put(into, write.offset, write.bytes);
  if (into.size() < write.grows_to) into.resize(write.grows_to);
}

/// Writes any of the sectors.
void tear(std::vector<std::byte>& into, const pending_write& write, random_generator& random) {
  if (into.size() < write.grows_to && random.below(2) == 0) into.resize(write.grows_to);
  const auto end = write.offset + write.bytes.size();
  for (auto at = write.offset; at < end;) {
    const auto next = std::min(end, (at / disk_sector + 1) * disk_sector);
    if (random.below(2) == 0) {
      put(into, at, std::span(write.bytes).subspan(at - write.offset, next - at));
    }
    at = next;
  }
}

/// Writes any part from the front.
void cut(std::vector<std::byte>& into, const pending_write& write, random_generator& random) {
  const auto length = random.below(write.bytes.size() + 1);
  put(into, write.offset, std::span(write.bytes).first(length));
}

}  // namespace

std::size_t stored_file::read(std::span<std::byte> room, std::uint64_t offset) const {
  const auto begin = std::min<std::uint64_t>(offset, visible_.size());
  const auto length = std::min<std::uint64_t>(room.size(), visible_.size() - begin);
  std::copy_n(visible_.begin() + static_cast<std::ptrdiff_t>(begin), length, room.begin());
  return length;
}

void stored_file::write(pending_write one) {
  put(visible_, one);
  pending_.push_back(std::move(one));
}

void stored_file::flushed(std::uint64_t sequence) {
  bool any_astray = false;
  while (!pending_.empty() && pending_.front().sequence < sequence) {
    any_astray = any_astray || pending_.front().goes_astray;
    settle(pending_.front());
    pending_.pop_front();
  }
  // Readers see what the disk has as soon as it need not be kept in memory any more.
  if (any_astray) show_pending();
}

void stored_file::settle(const pending_write& one) {
  if (!one.goes_astray) return put(durable_, one);
  // The file is as long as it should be; only the bytes are not there.
  if (durable_.size() < one.offset + one.bytes.size()) {
    durable_.resize(one.offset + one.bytes.size());
  }
  const auto target = one.wrong_file.lock();
  if (target == nullptr || one.wrong_offset >= target->durable_.size()) return;
  const auto length =
      std::min<std::uint64_t>(one.bytes.size(), target->durable_.size() - one.wrong_offset);
  put(target->durable_, one.wrong_offset, std::span(one.bytes).first(length));
  target->show_pending();
}

void stored_file::show_pending() {
  const auto size = visible_.size();
  visible_ = durable_;
  if (visible_.size() < size) visible_.resize(size);
  for (const auto& one : pending_) put(visible_, one);
}

void stored_file::flush_failed(std::uint64_t sequence, random_generator& random) {
  while (!pending_.empty() && pending_.front().sequence < sequence) {
    tear(durable_, pending_.front(), random);
    pending_.pop_front();
  }
}

void stored_file::rot(std::uint64_t offset, unsigned bit) {
  durable_[offset] ^= std::byte{1} << (bit % 8);
  // What waits to be written is in memory, and hides the damage until it is overwritten.
  show_pending();
}

void stored_file::forget_from(instant at, random_generator& random) {
  bool changed = false;
  while (!pending_.empty() && pending_.back().time.begins >= at) {
    pending_.pop_back();
    changed = true;
  }
  if (!pending_.empty() && pending_.back().time.ends > at) {
    auto& under_way = pending_.back();
    under_way.bytes.resize(random.below(under_way.bytes.size() + 1));
    under_way.time.ends = at;
    changed = true;
  }
  if (!changed) return;
  visible_.clear();
  show_pending();
}

std::vector<std::byte> stored_file::after_power_failure(instant at, crash_kind kind,
                                                        random_generator& random) const {
  auto bytes = durable_;
  if (kind == crash_kind::lost) return bytes;
  const auto begun = static_cast<std::size_t>(
      std::ranges::partition_point(pending_,
                                   [at](const auto& one) { return one.time.begins < at; }) -
      pending_.begin());
  const auto whole = kind == crash_kind::cut ? random.below(begun + 1) : begun;
  for (std::size_t i = 0; i < begun; ++i) {
    const auto& write = pending_[i];
    if (i > whole) break;
    if (write.goes_astray) continue;
    if (i == whole) {
      cut(bytes, write, random);
    } else if (kind == crash_kind::torn || write.time.ends > at) {
      tear(bytes, write, random);
    } else {
      put(bytes, write);
    }
  }
  return bytes;
}

}  // namespace mainstay::simulation
