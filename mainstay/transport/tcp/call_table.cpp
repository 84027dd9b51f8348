#include "mainstay/transport/tcp/call_table.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::tcp {

namespace {

constexpr unsigned slot_bits = 16;
constexpr std::uint64_t slot_mask = (1U << slot_bits) - 1;

}  // namespace

std::uint64_t call_table::open(pending_call call) {
  if (free_.empty()) {
    MAINSTAY_ASSERT(slots_.size() < slot_mask);
    free_.push_back(static_cast<std::uint16_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto number = free_.back();
  free_.pop_back();
  auto& s = slots_[number];
  ++s.uses;
  ++size_;
  bytes_ += call.bytes;
  s.call = std::move(call);
  return s.uses << slot_bits | number;
}

const call_table::slot* call_table::find(std::uint64_t id) const {
  const auto number = id & slot_mask;
  if (number >= slots_.size()) return nullptr;
  const auto& s = slots_[number];
  return s.call && s.uses == id >> slot_bits ? &s : nullptr;
}

pending_call call_table::take(std::size_t number) {
  auto& s = slots_[number];
  auto call = *std::move(s.call);
  s.call.reset();
  --size_;
  bytes_ -= call.bytes;
  free_.push_back(static_cast<std::uint16_t>(number));
  return call;
}

std::optional<pending_call> call_table::close(std::uint64_t id) {
  if (find(id) == nullptr) return std::nullopt;
  return take(id & slot_mask);
}

template <class Condition>
std::vector<pending_call> call_table::close_if(Condition condition) {
  std::vector<pending_call> closed;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].call && condition(*slots_[i].call)) closed.push_back(take(i));
  }
  return closed;
}

std::vector<pending_call> call_table::close_expired(instant now) {
  return close_if([now](const pending_call& call) { return call.deadline <= now; });
}

std::vector<pending_call> call_table::close_all() {
  return close_if([](const pending_call&) { return true; });
}

std::optional<instant> call_table::earliest_deadline() const {
  std::optional<instant> earliest;
  for (const auto& s : slots_) {
    if (s.call && (!earliest || s.call->deadline < *earliest)) earliest = s.call->deadline;
  }
  return earliest;
}

}  // namespace mainstay::tcp
