#include "mainstay/transport/tcp/alarm.hpp"

namespace mainstay::tcp {

void alarm::set(instant deadline) {
  armed_ = true;
  deadline_ = deadline;
  if (!waiting_ || deadline < waiting_for_) wait_until(deadline);
}

void alarm::cancel() {
  armed_ = false;
  waiting_ = false;
  ++generation_;
  timer_.cancel();
}

void alarm::wait_until(instant deadline) {
  waiting_ = true;
  waiting_for_ = deadline;
  timer_.expires_after(deadline - now());
  timer_.async_wait([self = shared_from_this(), generation = ++generation_](
                        const boost::system::error_code&) { self->on_wait_over(generation); });
}

void alarm::on_wait_over(std::uint64_t generation) {
  if (generation != generation_) return;
  waiting_ = false;
  if (!armed_) return;
  if (now() < deadline_) return wait_until(deadline_);
  armed_ = false;
  action_();
}

}  // namespace mainstay::tcp
