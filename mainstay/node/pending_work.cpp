#include "mainstay/node/pending_work.hpp"

namespace mainstay::detail {

void end_late(operation& op, bool in_line) {
  if (op.what() == operation::kind::read) {
    return op.fail_rest({error_code::timed_out, "the deadline passed", {}});
  }
  if (in_line) {
    // Whoever is done is never proposed, so this much is certain.
    return op.fail_rest({error_code::overloaded,
                         "the deadline passed before the command's turn came: it was not proposed",
                         {}});
  }
  op.fail_rest({error_code::timed_out, "the deadline passed; the command may yet commit", {}});
}

std::size_t pending_work::expire(instant now) {
  if (now < next_look()) return 0;
  operations late;
  instant next = instant::max();
  duration::rep met = 0;
  const auto look = [&](const operation_handle& op) {
    ++met;
    if (op->is_done()) return;
    if (op->deadline() <= now) {
      late.push_back(op);
    } else {
      next = std::min(next, op->deadline());
    }
  };
  std::ranges::for_each(backlog, look);
  std::ranges::for_each(fenced, look);
  const std::size_t in_line = late.size();
  for_each_taken(look);
  earliest_ = next;
  rest_until_ = now + met * rest_per_operation;
  for (std::size_t i = 0; i < late.size(); ++i) end_late(*late[i], i < in_line);
  return late.size();
}

void pending_work::fail_all(const error& refused, const error& unknown) {
  for (auto& op : std::exchange(backlog, {})) op->fail_rest(refused);
  for (auto& op : std::exchange(fenced, {})) op->fail_rest(refused);
  writes.fail_all(unknown);
  for (auto& [context, batch] : std::exchange(asked, {})) {
    for (auto& op : batch) op->fail_rest(refused);
  }
  for (auto& [index, batch] : std::exchange(granted, {})) {
    for (auto& op : batch) op->fail_rest(refused);
  }
  for (auto& [ticket, batch] : std::exchange(away, {})) {
    for (auto& op : batch) {
      op->fail_rest(op->what() == operation::kind::read ? refused : unknown);
    }
  }
}

}  // namespace mainstay::detail
