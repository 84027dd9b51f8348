#include "mainstay/machines/distributed_lock/distributed_lock.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/fields.hpp"
#include "mainstay/machines/distributed_lock/operation.hpp"

namespace mainstay {

using namespace distributed_lock_format;

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= distributed_lock::longest_name;
}

}  // namespace

/// What is refused has no answer.
result<shared_bytes> distributed_lock::apply(const applied_command& command) {
  advance_time(command.time);
  field_reader fields(command.payload.text());
  const auto what = fields.number();
  const std::string name(fields.text());
  std::string owner(fields.text());
  if (!is_name(name) || !is_name(owner)) return shared_bytes();
  if (what == leave && fields.is_whole()) {
    const auto found = locks_.find(name);
    const bool had = found != locks_.end() && release(found, owner);
    return field_writer().number(had ? 1 : 0).bytes();
  }
  const auto milliseconds = fields.number();
  const bool is_known = (what == try_now || what == wait) && fields.is_whole();
  if (!is_known || milliseconds == 0 || milliseconds > longest_time) return shared_bytes();
  const grant got =
      acquire(name, {std::move(owner), milliseconds, after(milliseconds)}, what == wait);
  return field_writer().number(got.token).number(got.place).bytes();
}

log_time distributed_lock::after(std::uint64_t milliseconds) const {
  return {now_.microseconds + static_cast<std::int64_t>(milliseconds) * 1000};
}

distributed_lock::grant distributed_lock::acquire(const std::string& name, claim wanted,
                                                  bool waits) {
  const auto [it, is_free] = locks_.try_emplace(name);
  auto& [key, found] = *it;
  if (is_free || found.holder.owner == wanted.owner) {
    if (is_free) found.token = ++last_token_;
    hold(it, std::move(wanted));
    return {.token = found.token};
  }
  auto place = std::ranges::find(found.queue, wanted.owner, &claim::owner);
  if (place != found.queue.end()) {
    *place = std::move(wanted);
  } else if (waits && found.queue.size() < longest_queue) {
    place = found.queue.insert(found.queue.end(), std::move(wanted));
  } else {
    return {};
  }
  return {.place = static_cast<std::uint64_t>(place - found.queue.begin()) + 1};
}

bool distributed_lock::release(lock_map::iterator of, std::string_view owner) {
  auto& [key, found] = *of;
  if (found.holder.owner != owner) {
    return std::erase_if(found.queue, [&](const claim& c) { return c.owner == owner; }) > 0;
  }
  pass_on(of);
  return true;
}

void distributed_lock::hold(lock_map::iterator it, claim next) {
  auto& [name, found] = *it;
  ends_.erase({found.holder.until, name});
  found.holder = std::move(next);
  ends_.emplace(found.holder.until, name);
}

/// To the first that still wants it, which has its whole time from now on.
void distributed_lock::pass_on(lock_map::iterator it) {
  auto& [name, found] = *it;
  std::erase_if(found.queue, [this](const claim& c) { return c.until <= now_; });
  if (found.queue.empty()) {
    ends_.erase({found.holder.until, name});
    locks_.erase(it);
    return;
  }
  claim next = std::move(found.queue.front());
  found.queue.pop_front();
  next.until = after(next.milliseconds);
  found.token = ++last_token_;
  hold(it, std::move(next));
}

void distributed_lock::advance_time(log_time time) {
  now_ = std::max(now_, time);
  while (!ends_.empty() && ends_.begin()->first <= now_) {
    pass_on(locks_.find(ends_.begin()->second));
  }
}

std::optional<log_time> distributed_lock::next_expiry() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.begin()->first;
}

result<shared_bytes> distributed_lock::query(const shared_bytes& request) const {
  const auto found = locks_.find(request.text());
  if (found == locks_.end()) return shared_bytes();
  const auto& [name, l] = *found;
  field_writer fields;
  fields.text(l.holder.owner).number(l.token);
  return fields.number(static_cast<std::uint64_t>(l.holder.until.microseconds))
      .number(l.queue.size())
      .bytes();
}

}  // namespace mainstay
