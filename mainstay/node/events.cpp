#include "mainstay/node/events.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace mainstay {

std::string_view name_of(const node_event& event) {
  constexpr std::array<std::string_view, 7> names{
      "leadership_changed", "members_changed", "snapshot_taken", "disk_stalled",
      "health_changed",     "applied_up_to",   "events_missed"};
  static_assert(names.size() == std::variant_size_v<node_event>);
  return names.at(event.index());
}

std::vector<node_event> event_stream::take() {
  const std::lock_guard lock(mutex_);
  std::vector<node_event> taken(std::make_move_iterator(waiting_.begin()),
                                std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  if (missed_ > 0) taken.emplace_back(events_missed{std::exchange(missed_, 0)});
  return taken;
}

void event_stream::put(const node_event& event) {
  if (!options_.applied && std::holds_alternative<applied_up_to>(event)) return;
  if (add(event) && options_.on_events) options_.on_events(*this);
}

/// True when nothing had waited before it.
bool event_stream::add(const node_event& event) {
  const std::lock_guard lock(mutex_);
  const bool is_first = waiting_.empty();
  const bool is_applied = std::holds_alternative<applied_up_to>(event);
  // What was missed lies behind everything that waits, so that nothing may follow it unseen.
  if (missed_ == 0 && is_applied && !is_first &&
      std::holds_alternative<applied_up_to>(waiting_.back())) {
    waiting_.back() = event;
  } else if (missed_ > 0 || waiting_.size() >= std::max<std::size_t>(options_.capacity, 1)) {
    ++missed_;
  } else {
    waiting_.push_back(event);
  }
  return is_first;
}

namespace detail {

void event_feed::publish(const node_event& event) {
  if (streams_.empty()) return;
  // A subscriber that is called may subscribe anew, or let its stream go.
  const auto now = streams_;
  for (const auto& one : now) {
    if (const auto stream = one.lock()) stream->put(event);
  }
  std::erase_if(streams_, [](const auto& one) { return one.expired(); });
}

}  // namespace detail
}  // namespace mainstay
