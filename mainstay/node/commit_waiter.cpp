#include "mainstay/node/commit_waiter.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay {

void commit_waiter::await(log_index first, term t, operation_handle op) {
  MAINSTAY_ASSERT(waiting_.empty() || waiting_.back().last() < first);
  waiting_.push_back({first, t, std::move(op)});
}

void commit_waiter::applied(log_index first, term t, std::span<shared_bytes> answers) {
  const log_index end = first + answers.size();
  while (!waiting_.empty() && waiting_.front().first < end) {
    slot& front = waiting_.front();
    if (front.term != t) {
      // Another leader's entries took these places; ours can never commit (paper, §5.3).
      front.op->fail_all({error_code::overwritten, "another leader's entry took its place", {}});
      waiting_.pop_front();
      continue;
    }
    auto& gathered = front.op->answers;
    log_index next = front.first + gathered.size();
    for (; next < end && next <= front.last(); next = next.next()) {
      gathered.emplace_back(std::move(answers[next - first]));
    }
    if (gathered.size() < front.op->count()) return;
    front.op->complete(std::exchange(gathered, {}));
    waiting_.pop_front();
  }
}

void commit_waiter::leadership_lost(log_index commit_index, const error& why) {
  // What is committed will be applied here too and completes in the ordinary way.
  while (!waiting_.empty() && waiting_.back().last() > commit_index) {
    waiting_.back().op->fail_all(why);
    waiting_.pop_back();
  }
}

void commit_waiter::fail_all(const error& why) {
  for (auto& one : std::exchange(waiting_, {})) one.op->fail_all(why);
}

}  // namespace mainstay
