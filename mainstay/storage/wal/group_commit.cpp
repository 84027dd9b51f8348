#include "mainstay/storage/wal/group_commit.hpp"

#include <utility>

namespace mainstay::wal {

template <class Add>
void group_commit::try_to(Add add) {
  if (refused_) {
    outcomes_.emplace_back(std::unexpected(*refused_));
    return;
  }
  result<void> outcome = add();
  if (!outcome && outcome.error().code == error_code::no_space) refused_ = outcome.error();
  outcomes_.push_back(std::move(outcome));
}

void group_commit::add(appendable_log& log, group_id group, const core::persist_batch& batch) {
  try_to([&] { return log.add(group, batch); });
}

void group_commit::add_base(appendable_log& log, group_id group, log_index index) {
  try_to([&] { return log.add_base(group, index); });
}

const std::vector<result<void>>& group_commit::flush(appendable_log& log) {
  if (const auto flushed = log.flush(); !flushed) {
    for (auto& outcome : outcomes_) {
      if (outcome) outcome = flushed;
    }
  }
  return outcomes_;
}

}  // namespace mainstay::wal
