#include "mainstay/simulation/simulated_transport.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace mainstay::simulation {

simulated_client::simulated_client(simulated_network& network, simulated_runtime& runtime,
                                   node_id self)
    : network_(network),
      runtime_(runtime),
      self_(self),
      first_number_(network.attach_client(self, *this)),
      timer_(runtime.make_timer(runtime.loop())) {}

simulated_client::~simulated_client() { network_.detach_client(self_); }

void simulated_client::add_peer(node_id peer, const std::string& address) {
  const auto at = address.find('#');
  peers_.insert_or_assign(peer, at == std::string::npos ? "" : address.substr(at));
}

void simulated_client::remove_peer(node_id peer) {
  peers_.erase(peer);
  fail_later([peer](const pending_call& one) { return one.peer == peer; },
             {error_code::disconnected, "the peer was removed", {}});
}

void simulated_client::call(node_id peer, group_id group, rpc_request request, instant deadline,
                            call_done done) {
  if (stopped_) {
    return complete_later(std::move(done), {error_code::shutting_down, "stopped", {}});
  }
  if (!peers_.contains(peer) || !network_.knows(peer)) {
    return complete_later(std::move(done), {error_code::unreachable, "an unknown peer", {}});
  }
  const std::uint64_t number = first_number_ + pending_.size();
  pending_.push_back({std::move(done), peer});
  pending_.back().connection =
      network_.send_request(self_, peer, group, number, std::move(request));
  watch(deadline, number);
}

void simulated_client::stop() {
  stopped_ = true;
  timer_.disarm();
  fail_later([](const pending_call&) { return true; },
             {error_code::shutting_down, "the client was stopped", {}});
}

simulated_client::pending_call* simulated_client::find(std::uint64_t number) {
  if (number < first_number_ || number - first_number_ >= pending_.size()) return nullptr;
  auto& one = pending_[number - first_number_];
  return one.done ? &one : nullptr;
}

void simulated_client::complete(std::uint64_t number, result<rpc_response> outcome) {
  pending_call* one = find(number);
  if (one == nullptr) return;
  auto done = std::exchange(one->done, nullptr);
  while (!pending_.empty() && !pending_.front().done) {
    pending_.pop_front();
    ++first_number_;
  }
  done(std::move(outcome));
}

void simulated_client::complete_later(call_done done, error why) {
  runtime_.loop().post([done = std::move(done), why = std::move(why)]() mutable {
    done(std::unexpected(std::move(why)));
  });
}

template <class Which>
void simulated_client::fail_later(const Which& which, const error& why) {
  for (auto& one : pending_) {
    if (one.done && which(one)) complete_later(std::exchange(one.done, nullptr), why);
  }
}

void simulated_client::on_broken(node_id peer, std::uint64_t connection) {
  fail_later(
      [&](const pending_call& one) { return one.peer == peer && one.connection == connection; },
      {error_code::disconnected, "the connection broke", {}});
}

void simulated_client::watch(instant deadline, std::uint64_t number) {
  deadlines_.emplace_back(deadline, number);
  std::ranges::push_heap(deadlines_, std::greater{});
  if (deadline >= alarm_at_) return;
  alarm_at_ = deadline;
  timer_.arm(deadline, [this] { on_alarm(); });
}

/// Completions may do anything that a client offers, but they do not end it.
void simulated_client::on_alarm() {
  alarm_at_ = instant::max();
  std::vector<std::uint64_t> due;
  while (!deadlines_.empty()) {
    const auto [deadline, number] = deadlines_.front();
    const bool is_open = find(number) != nullptr;
    if (is_open && deadline > runtime_.now()) break;
    if (is_open) due.push_back(number);
    std::ranges::pop_heap(deadlines_, std::greater{});
    deadlines_.pop_back();
  }
  if (!deadlines_.empty()) {
    alarm_at_ = deadlines_.front().first;
    timer_.arm(alarm_at_, [this] { on_alarm(); });
  }
  for (const auto number : due) {
    ++network_.counters_.timed_out;
    complete(number, fail(error_code::timed_out, "no answer by the deadline"));
  }
}

simulated_server::~simulated_server() { stop(); }

result<void> simulated_server::start(request_handler handler) {
  handler_ = std::move(handler);
  network_.start_server(self_, &handler_);
  listening_ = true;
  return {};
}

void simulated_server::stop() {
  if (!std::exchange(listening_, false)) return;
  network_.stop_server(self_);
}

static_assert(network_client<simulated_client>);
static_assert(network_server<simulated_server>);

}  // namespace mainstay::simulation
