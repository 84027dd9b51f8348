#include "mainstay/node/operation.hpp"

#include <algorithm>

namespace mainstay::detail {

submission_queue::pushed submission_queue::push(std::unique_ptr<operation>& op) {
  operation* expected = head_.load(std::memory_order_relaxed);
  do {
    if (expected == closed_mark()) return pushed::closed;
    op->next = expected;
  } while (!head_.compare_exchange_weak(expected, op.get(), std::memory_order_release,
                                        std::memory_order_relaxed));
  static_cast<void>(op.release());
  return expected == nullptr ? pushed::first : pushed::more;
}

std::vector<std::unique_ptr<operation>> submission_queue::take_all() {
  const operation* seen = head_.load(std::memory_order_relaxed);
  if (seen == nullptr || seen == closed_mark()) return {};
  return unlink(head_.exchange(nullptr, std::memory_order_acquire));
}

std::vector<std::unique_ptr<operation>> submission_queue::unlink(operation* newest) {
  std::vector<std::unique_ptr<operation>> all;
  for (operation* op = newest; op != nullptr && op != closed_mark(); op = op->next) {
    all.emplace_back(op);
  }
  std::ranges::reverse(all);
  return all;
}

}  // namespace mainstay::detail
