#include "mainstay/node/commit_waiter.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay {

void commit_waiter::await(log_index first, term t, operation_handle op) {
  MAINSTAY_ASSERT(waiting_.empty() || waiting_.back().last() < first);
  waiting_.push_back({first, t, std::move(op)});
}

void commit_waiter::applied(log_index first, term t, std::span<shared_bytes> answers,
                            std::span<const detail::refused_entry> refusals) {
  const log_index end = first + answers.size();
  while (!waiting_.empty() && waiting_.front().first < end) {
    slot& front = waiting_.front();
    const bool ours = front.term == t;
    if (ours && !gather(front, first, answers, refusals)) return;
    // Out of the line first: a completion may call back and stop the node.
    const slot done = std::move(front);
    waiting_.pop_front();
    if (ours) {
      done.op->complete(std::exchange(done.op->answers, {}));
    } else {
      // Another leader's entries took the places of the commands that have no answer yet, which
      // can never commit (paper §5.3). Those before them may have been committed and answered.
      done.op->fail_rest({error_code::overwritten, "another leader's entry took its place", {}});
    }
  }
}

/// Takes a slot's answers out of those that start at `first`; true when it has them all.
bool commit_waiter::gather(slot& one, log_index first, std::span<shared_bytes> answers,
                           std::span<const detail::refused_entry> refusals) {
  const log_index end = first + answers.size();
  auto& gathered = one.op->answers;
  log_index next = one.first + gathered.size();
  MAINSTAY_ASSERT(next >= first);
  auto refused = std::ranges::lower_bound(refusals, next, {}, &detail::refused_entry::index);
  for (; next < end && next <= one.last(); next = next.next()) {
    if (refused != refusals.end() && refused->index == next) {
      gathered.emplace_back(std::unexpected(refused++->why));
      continue;
    }
    gathered.emplace_back(std::move(answers[next - first]));
  }
  return gathered.size() == one.op->count();
}

void commit_waiter::leadership_lost(log_index commit_index, const error& why) {
  // What is committed will be applied here too and completes in the ordinary way.
  auto from = waiting_.end();
  while (from != waiting_.begin() && std::prev(from)->last() > commit_index) --from;
  const std::vector<slot> lost(std::make_move_iterator(from),
                               std::make_move_iterator(waiting_.end()));
  waiting_.erase(from, waiting_.end());
  for (const auto& one : lost) one.op->fail_rest(why);
}

void commit_waiter::fail_all(const error& why) {
  for (const auto& one : std::exchange(waiting_, {})) one.op->fail_rest(why);
}

}  // namespace mainstay
