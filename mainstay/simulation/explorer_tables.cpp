#include "mainstay/simulation/explorer_tables.hpp"

namespace mainstay::simulation::exploration {

namespace {

/// 0 marks free slots.
std::uint64_t never_zero(std::uint64_t fingerprint) { return fingerprint == 0 ? 1 : fingerprint; }

bool is_crowded(std::uint64_t size, std::size_t capacity) { return 3 * size >= 2 * capacity; }

}  // namespace

bool fingerprint_set::insert(std::uint64_t fingerprint) {
  fingerprint = never_zero(fingerprint);
  const std::size_t mask = slots_.size() - 1;
  std::size_t place = fingerprint & mask;
  while (slots_[place] != 0) {
    if (slots_[place] == fingerprint) return false;
    place = (place + 1) & mask;
  }
  slots_[place] = fingerprint;
  ++size_;
  if (is_crowded(size_, slots_.size())) grow();
  return true;
}

void fingerprint_set::grow() {
  std::vector<std::uint64_t> larger(slots_.size() * 2, 0);
  const std::size_t mask = larger.size() - 1;
  for (const std::uint64_t fingerprint : slots_) {
    if (fingerprint == 0) continue;
    std::size_t place = fingerprint & mask;
    while (larger[place] != 0) place = (place + 1) & mask;
    larger[place] = fingerprint;
  }
  slots_ = std::move(larger);
}

std::size_t fingerprint_map::place_of(std::uint64_t fingerprint) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t place = fingerprint & mask;
  while (slots_[place].fingerprint != 0 && slots_[place].fingerprint != fingerprint) {
    place = (place + 1) & mask;
  }
  return place;
}

std::optional<std::uint32_t> fingerprint_map::find(std::uint64_t fingerprint) const {
  const slot& found = slots_[place_of(never_zero(fingerprint))];
  return found.fingerprint == 0 ? std::nullopt : std::optional(found.number);
}

void fingerprint_map::insert(std::uint64_t fingerprint, std::uint32_t number) {
  if (is_crowded(++size_, slots_.size())) {
    const std::vector<slot> before = std::exchange(slots_, std::vector<slot>(slots_.size() * 2));
    for (const slot& s : before) {
      if (s.fingerprint != 0) slots_[place_of(s.fingerprint)] = s;
    }
  }
  fingerprint = never_zero(fingerprint);
  slots_[place_of(fingerprint)] = {fingerprint, number};
}

}  // namespace mainstay::simulation::exploration
