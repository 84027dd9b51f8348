#include "mainstay/runtime/asio/asio_runtime.hpp"

#include <chrono>
#include <random>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/suspend_aware_clock.hpp"
#include "mainstay/runtime/asio/event_loop.hpp"
#include "mainstay/runtime/asio/io_context.hpp"

namespace mainstay {

static_assert(runtime<asio_runtime>);

void asio_runtime::executor::post(task t) const { loop_->post(std::move(t)); }

asio_runtime::timer::timer(detail::event_loop& loop)
    : state_(std::make_shared<detail::loop_timer>(loop)) {}

asio_runtime::timer::timer(timer&&) noexcept = default;

asio_runtime::timer& asio_runtime::timer::operator=(timer&& other) noexcept {
  if (state_) state_->cancel();
  state_ = std::move(other.state_);
  return *this;
}

asio_runtime::timer::~timer() {
  if (state_) state_->cancel();
}

void asio_runtime::timer::arm(instant deadline, task t) { state_->arm(deadline, std::move(t)); }

void asio_runtime::timer::disarm() { state_->disarm(); }

asio_runtime::asio_runtime(apply_thread apply)
    : loop_(std::make_unique<detail::event_loop>()),
      background_loop_(std::make_unique<detail::event_loop>()) {
  if (apply == apply_thread::own) apply_loop_ = std::make_unique<detail::event_loop>();
}

asio_runtime::~asio_runtime() {
  stop();
  join();
}

instant asio_runtime::now() const { return suspend_aware_now(); }

log_time asio_runtime::wall_now() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return log_time{std::chrono::duration_cast<std::chrono::microseconds>(now).count()};
}

std::uint64_t asio_runtime::random_seed() {
  std::random_device entropy;
  return std::uint64_t{entropy()} << 32 | entropy();
}

void asio_runtime::start() {
  MAINSTAY_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void asio_runtime::run() {
  std::thread background_runner([this] { background_loop_->run(); });
  std::thread apply_runner;
  if (apply_loop_) apply_runner = std::thread([this] { apply_loop_->run(); });
  loop_->run();
  stop();
  if (apply_runner.joinable()) apply_runner.join();
  background_runner.join();
}

void asio_runtime::stop() {
  loop_->stop();
  if (apply_loop_) apply_loop_->stop();
  background_loop_->stop();
}

void asio_runtime::join() {
  if (thread_.joinable()) thread_.join();
}

boost::asio::io_context& io_context_access::get(asio_runtime& runtime) {
  return runtime.loop_->context();
}

}  // namespace mainstay
