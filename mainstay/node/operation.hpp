/// What callers have submitted: batches of commands and of reads, each completed exactly once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/node/session_request.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay {

/// Outcomes in the order of the batch.
using outcomes = std::vector<command_outcome>;
using outcomes_handler = std::move_only_function<void(outcomes)>;

/// How fresh a read must be.
enum class read_level : std::uint8_t {
  linearizable,  ///< sees every write that was answered before the read began (thesis §6.4)
  /// As linearizable, as long as clocks keep `core::config::max_clock_drift`: the leader answers
  /// without asking anyone while it has a lease (thesis §6.4.1).
  lease,
  bounded,   ///< sees every write that was answered `max_age` before the read began
  at_least,  ///< sees what was applied up to an index, as `node::token` gives one
  stale,     ///< sees what this replica has applied
};

/// How a batch of commands is to be treated.
struct submit_options {
  instant deadline = instant::max();  ///< completes by then, as `timed_out` when need be
  bool forward = true;                ///< on a follower: pass it on to the leader
  /// Within a session, not 0: a command that is submitted again with its serial is applied once,
  /// and answered as the first time (thesis §6.3). Adds `session_header_bytes` to its size.
  session_id session = 0;
  /// Names the command within the session, from 1; the others of a batch have those that follow.
  std::uint64_t serial = 0;
  /// Below it, the caller waits for no serial any more: their answers may be forgotten.
  std::uint64_t lowest_waiting = 0;
};

/// How a batch of reads is to be treated.
struct query_options {
  instant deadline = instant::max();
  read_level level = read_level::linearizable;
  duration max_age{};  ///< of `bounded`
  log_index least;     ///< of `at_least`
};

namespace detail {

/// An entry that has an error for an answer, though it was applied.
struct refused_entry {
  log_index index;
  error why;
};

/// One submitted batch. Made on the caller's thread, afterwards the loop's alone.
class operation {
 public:
  enum class kind : std::uint8_t { write, read };

  /// What an operation and each of its parts count for beside payloads, in bytes: an empty batch
  /// takes memory too.
  static constexpr std::uint64_t allowance = 128;

  operation(kind k, std::vector<shared_bytes> payloads, instant deadline, outcomes_handler done)
      : kind_(k),
        payloads_(std::move(payloads)),
        count_(payloads_.size()),
        deadline_(deadline),
        done_(std::move(done)) {
    for (const auto& p : payloads_) bytes_ += p.size() + allowance;
  }
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() {
    if (budget_) budget_->fetch_sub(bytes_, std::memory_order_relaxed);
  }

  /// Counts this operation's bytes in `budget` for as long as it lives, unless they exceed `limit`:
  /// then it gives false.
  bool charge(std::shared_ptr<std::atomic<std::uint64_t>> budget, std::uint64_t limit) {
    const auto before = budget->fetch_add(bytes_, std::memory_order_relaxed);
    if (before + bytes_ > limit) {
      budget->fetch_sub(bytes_, std::memory_order_relaxed);
      return false;
    }
    budget_ = std::move(budget);
    return true;
  }

  kind what() const { return kind_; }
  bool is_done() const { return !done_; }
  instant deadline() const { return deadline_; }
  /// How many outcomes it has.
  std::size_t count() const { return count_; }
  /// What it counts for in the pending bytes.
  std::uint64_t bytes() const { return bytes_; }
  /// The commands or requests; whoever carries them out may take them.
  std::vector<shared_bytes>& payloads() { return payloads_; }

  /// Hands the outcomes to the caller; the first call counts, later ones do nothing.
  void complete(outcomes all) {
    if (!done_) return;
    MAINSTAY_ASSERT(all.size() == count());
    auto done = std::exchange(done_, nullptr);
    done(std::move(all));
  }
  /// Completes the parts that have no answer yet with the same error.
  void fail_rest(const error& why) {
    if (!done_) return;
    outcomes all = answers;
    all.resize(count(), std::unexpected(why));
    complete(std::move(all));
  }

  operation* next = nullptr;  ///< in the submission queue
  bool forward = true;
  query_options reading;         ///< of a read, whose deadline stands above
  bool only_wait = false;        ///< a read that asks nothing: it is over when its level is reached
  instant asked_at{};            ///< when the cluster was asked how far it is
  std::optional<term> lease_of;  ///< it was granted by the lease of this term
  core::entry_kind entries = core::entry_kind::command;  ///< what a write's payloads become
  outcomes answers;  ///< of a write's first commands, gathered as their entries are applied

 private:
  kind kind_;
  std::vector<shared_bytes> payloads_;
  std::size_t count_;
  instant deadline_;
  outcomes_handler done_;
  std::uint64_t bytes_ = allowance;
  std::shared_ptr<std::atomic<std::uint64_t>> budget_;
};

/// The lock-free way from callers to the loop: many push, one takes all.
class submission_queue {
 public:
  submission_queue() = default;
  submission_queue(const submission_queue&) = delete;
  submission_queue& operator=(const submission_queue&) = delete;
  ~submission_queue() { take_all(); }

  enum class pushed : std::uint8_t { first, more, closed };

  /// Any thread. `first` tells that the queue was empty, so that the loop has to be woken. When
  /// closed, `op` stays with the caller.
  pushed push(std::unique_ptr<operation>& op);
  /// The loop only: everything pushed so far, oldest first. Nothing once closed.
  std::vector<std::unique_ptr<operation>> take_all();
  /// The loop only: as `take_all`, and refuses all that come later.
  std::vector<std::unique_ptr<operation>> close() { return unlink(head_.exchange(closed_mark())); }

 private:
  static operation* closed_mark() { return reinterpret_cast<operation*>(std::uintptr_t{1}); }
  static std::vector<std::unique_ptr<operation>> unlink(operation* newest);

  std::atomic<operation*> head_{nullptr};
};

}  // namespace detail
}  // namespace mainstay
