#include "server/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::server {

namespace {

/// A batch of this size is sent before the turn ends, so that the cluster can begin.
constexpr std::size_t full_batch_commands = 1024;
constexpr std::size_t full_batch_bytes = 1 << 20;

}  // namespace

dispatcher::dispatcher(gateway& cluster, duration request_timeout, hooks h)
    : cluster_(cluster),
      request_timeout_(request_timeout),
      schedule_flush_(std::move(h.schedule_flush)),
      mailbox_(std::make_shared<mailbox>()) {
  mailbox_->wake = std::move(h.wake);
}

dispatcher::~dispatcher() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->wake = nullptr;
  mailbox_->arrived.clear();
}

void dispatcher::add(lane l, const std::shared_ptr<outcome_sink>& sink, std::uint64_t run,
                     shared_bytes payload, const read_terms& terms) {
  auto& b = batches_[static_cast<std::size_t>(l)];
  if (b.terms != terms) {
    send(l);
    b.terms = terms;
  }
  b.bytes += payload.size();
  b.payloads.push_back(std::move(payload));
  if (is_open(l, sink.get(), run, terms)) {
    ++b.members.back().count;
  } else {
    b.members.push_back({sink, run, 1});
  }
  if (b.payloads.size() >= full_batch_commands || b.bytes >= full_batch_bytes) return send(l);
  if (!std::exchange(flush_scheduled_, true)) schedule_flush_();
}

bool dispatcher::is_open(lane l, const outcome_sink* sink, std::uint64_t run,
                         const read_terms& terms) const {
  const auto& [payloads, members, bytes, agreed] = batches_[static_cast<std::size_t>(l)];
  return !members.empty() && agreed == terms && members.back().sink.get() == sink &&
         members.back().run == run;
}

void dispatcher::flush() {
  flush_scheduled_ = false;
  for (std::size_t l = 0; l < lanes; ++l) send(static_cast<lane>(l));
}

void dispatcher::send(lane l) {
  auto b = std::exchange(batches_[static_cast<std::size_t>(l)], {});
  if (b.payloads.empty()) return;
  const duration patience = b.terms.patience > duration{} ? b.terms.patience : request_timeout_;
  const instant deadline = cluster_.now() + patience;
  auto done = [box = mailbox_, members = std::move(b.members)](outcomes found) mutable {
    box->put({std::move(members), std::move(found)});
  };
  if (l == lane::write) {
    cluster_.submit(std::move(b.payloads), deadline, std::move(done));
  } else if (l == lane::session) {
    cluster_.submit_session_requests(std::move(b.payloads), deadline, std::move(done));
  } else {
    cluster_.query(std::move(b.payloads), b.terms, deadline, std::move(done));
  }
}

void dispatcher::mailbox::put(delivery d) {
  const std::lock_guard lock(mutex);
  if (!wake) return;
  arrived.push_back(std::move(d));
  if (arrived.size() == 1) wake();
}

void dispatcher::drain() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    delivering_.swap(mailbox_->arrived);
  }
  std::vector<std::shared_ptr<outcome_sink>> touched;
  for (auto& d : delivering_) {
    std::span<command_outcome> left(d.found);
    for (auto& m : d.members) {
      MAINSTAY_ASSERT(m.count <= left.size());
      m.sink->on_outcomes(m.run, left.first(m.count));
      left = left.subspan(m.count);
      touched.push_back(std::move(m.sink));
    }
    MAINSTAY_ASSERT(left.empty());
  }
  delivering_.clear();
  // Replies are written once, however many runs of a connection were answered.
  std::ranges::sort(touched);
  const auto repeated = std::ranges::unique(touched);
  touched.erase(repeated.begin(), repeated.end());
  for (const auto& sink : touched) sink->on_delivered();
}

}  // namespace mainstay::server
