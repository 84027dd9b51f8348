#include "mainstay/machines/key_value/frozen_table.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::keyspace {

namespace {

template <class Thing>
void move_behind(std::vector<Thing>& all, std::vector<Thing>& more) {
  if (all.size() < more.size()) all.swap(more);
  all.insert(all.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

}  // namespace

void free_all(const directory& d) noexcept {
  d.for_each_segment([](const segment& s) {
    for (const auto& each : s.all()) record::destroy(each.entry);
    delete[] s.slots;
  });
}

void frozen_moments::retired_memory::take(retired_memory& other) {
  move_behind(records, other.records);
  move_behind(blocks, other.blocks);
  move_behind(directories, other.directories);
}

void frozen_moments::retired_memory::free() noexcept {
  for (auto* r : records) record::destroy(r);
  for (auto* b : blocks) delete[] b;
  for (const auto& d : directories) free_all(d);
}

void frozen_moments::open(moment at) {
  const std::lock_guard lock(mutex_);
  MAINSTAY_ASSERT(open_.empty() || open_.back().at < at);
  open_.push_back({at, {}});
  newest_.store(at, std::memory_order_release);
}

void frozen_moments::close(moment at) {
  retired_memory unseen;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(open_, at, &open_moment::at);
    MAINSTAY_ASSERT(found != open_.end());
    // What this moment saw, an earlier one may see as well; it is freed with the last of them.
    auto& heir = found == open_.begin() ? unseen : std::prev(found)->retired;
    heir.take(found->retired);
    open_.erase(found);
    newest_.store(open_.empty() ? 0 : open_.back().at, std::memory_order_release);
  }
  // Outside the lock: this may be much, and the table must not wait for it.
  unseen.free();
}

/// Under the lock it is certain whether anybody still looks.
template <class Thing>
bool frozen_moments::keep(std::vector<Thing> retired_memory::* where, Thing thing, moment birth) {
  const std::lock_guard lock(mutex_);
  if (open_.empty() || birth > open_.back().at) return false;
  (open_.back().retired.*where).push_back(std::move(thing));
  return true;
}

void frozen_moments::retire(record* r) {
  if (!keep(&retired_memory::records, r, r->birth)) record::destroy(r);
}

void frozen_moments::retire(const segment& s) {
  if (!keep(&retired_memory::blocks, s.slots, s.birth)) delete[] s.slots;
}

void frozen_moments::retire(directory d) {
  // Its parts are of different births, so that it counts as the oldest.
  if (!keep(&retired_memory::directories, d, 0)) free_all(d);
}

frozen_table& frozen_table::operator=(frozen_table&& other) noexcept {
  std::swap(moments_, other.moments_);
  std::swap(at_, other.at_);
  std::swap(content_, other.content_);
  std::swap(size_, other.size_);
  return *this;
}

void frozen_table::close() noexcept {
  if (moments_ != nullptr) moments_->close(at_);
}

}  // namespace mainstay::keyspace
