/// A timer whose deadline moves often: moving it to later costs nothing, because the wait that is
/// under way notices when it ends. Private to the transport: brings in Boost.Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "mainstay/base/suspend_aware_clock.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::tcp {

/// The clock of every production runtime.
inline instant now() { return suspend_aware_now(); }

/// One alarm with one action. For the loop only; held by a shared_ptr.
class alarm : public std::enable_shared_from_this<alarm> {
 public:
  using action = std::move_only_function<void()>;

  alarm(boost::asio::io_context& io, action on_due) : timer_(io), action_(std::move(on_due)) {}

  /// Goes off at `deadline`, instead of whenever it would have.
  void set(instant deadline);
  /// Goes off at `deadline` unless it goes off earlier anyway.
  void set_no_later_than(instant deadline) {
    if (!armed_ || deadline < deadline_) set(deadline);
  }
  /// Does not go off until it is set again.
  void clear() { armed_ = false; }
  /// Does not go off any more at all; lets go of what the action holds.
  void cancel();

 private:
  void wait_until(instant deadline);
  void on_wait_over(std::uint64_t generation);

  boost::asio::steady_timer timer_;
  action action_;
  instant deadline_{};
  instant waiting_for_{};
  bool armed_ = false;
  bool waiting_ = false;
  std::uint64_t generation_ = 0;  ///< of the wait that counts
};

}  // namespace mainstay::tcp
