#include "mainstay/node/pending_work.hpp"

namespace mainstay::detail {

void pending_work::expire(instant now) {
  if (now < earliest_) return;
  instant next = instant::max();
  const error late{error_code::timed_out, "the deadline passed; the command may yet commit", {}};
  for_each([&](operation& op) {
    if (op.is_done()) return;
    if (op.deadline() <= now) {
      op.fail_all(late);
    } else {
      next = std::min(next, op.deadline());
    }
  });
  earliest_ = next;
}

void pending_work::fail_all(const error& refused, const error& unknown) {
  for (auto& op : std::exchange(backlog, {})) op->fail_all(refused);
  writes.fail_all(unknown);
  for (auto& [context, batch] : std::exchange(asked, {})) {
    for (auto& op : batch) op->fail_all(refused);
  }
  for (auto& [index, batch] : std::exchange(granted, {})) {
    for (auto& op : batch) op->fail_all(refused);
  }
  for (auto& [ticket, batch] : std::exchange(away, {})) {
    for (auto& op : batch) {
      op->fail_all(op->what() == operation::kind::read ? refused : unknown);
    }
  }
}

}  // namespace mainstay::detail
