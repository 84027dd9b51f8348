#include "mainstay/transport/tcp/peer_link.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mainstay::tcp {

peer_link::peer_link(std::shared_ptr<client_context> context, node_id peer, std::string address)
    : context_(std::move(context)),
      peer_(peer),
      address_(std::move(address)),
      backoff_(context_->options->limits.reconnect_min) {}

void peer_link::call(outgoing_call call) {
  if (auto refused = refusal_now()) {
    return context_->deferred->add(std::move(call.done), *std::move(refused));
  }
  auto body = context_->codec.encode(call.request);
  if (auto refused = refusal_of_size(body.size())) {
    return context_->deferred->add(std::move(call.done), *std::move(refused));
  }
  if (state_ == link_state::down) connect();
  const auto id =
      calls_.open({std::move(call.done), call.deadline, body.size(), call.request.index()});
  alarm_->set_no_later_than(call.deadline);
  if (state_ == link_state::up) return connection_->send(frame_kind::request, call.group, id, body);
  waiting_.push_back({id, call.group, std::move(body)});
}

std::optional<error> peer_link::refusal_now() {
  const auto& limits = context_->options->limits;
  if (state_ == link_state::stopped) return error{error_code::shutting_down, "the client stopped"};
  if (state_ == link_state::down && now() < retry_at_) {
    return error{error_code::unreachable, last_failure_};
  }
  if (calls_.size() >= limits.max_calls_in_flight) {
    return error{error_code::overloaded, fmt::format("{} calls to node {} are in flight already",
                                                     calls_.size(), peer_.value())};
  }
  if (state_ != link_state::up && waiting_.size() >= limits.max_calls_while_connecting) {
    return error{error_code::overloaded,
                 fmt::format("{} calls wait already for the connection to node {}", waiting_.size(),
                             peer_.value())};
  }
  return std::nullopt;
}

std::optional<error> peer_link::refusal_of_size(std::size_t size) const {
  const auto& limits = context_->options->limits;
  const auto largest =
      state_ == link_state::up ? peer_max_frame_ : std::size_t{limits.max_frame_bytes};
  if (size > largest) {
    return error{error_code::invalid_argument,
                 fmt::format("a request of {} bytes is larger than the {} that node {} takes", size,
                             largest, peer_.value())};
  }
  const auto queued = connection_ ? connection_->queued_bytes() : 0;
  if (std::max(calls_.bytes(), queued) + size > limits.max_bytes_in_flight) {
    return error{error_code::overloaded,
                 fmt::format("requests of {} bytes to node {} are in flight already",
                             std::max(calls_.bytes(), queued), peer_.value())};
  }
  return std::nullopt;
}

bool peer_link::is_unmet() const {
  const auto& identities = *context_->options->identities;
  return identities.is_recorded() && !identities.known(peer_);
}

void peer_link::meet() {
  if (!is_unmet()) return;
  if (state_ == link_state::down) return connect();
  if (state_ != link_state::up) return;
  // It was connected before it counted as a member.
  const auto admitted = context_->options->identities->admit(peer_, peer_disk_);
  if (!admitted) go_down(admitted.error());
}

void peer_link::connect() {
  state_ = link_state::connecting;
  if (!alarm_) {
    alarm_ = std::make_shared<alarm>(context_->io, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->on_alarm();
    });
  }
  connect_deadline_ = now() + context_->options->limits.connect_timeout;
  alarm_->set_no_later_than(connect_deadline_);
  connector_ = std::make_shared<connector>(context_->io);
  connector_->start(address_, context_->options->allow_plaintext_beyond_loopback,
                    [self = shared_from_this()](result<connector::socket> made) {
                      self->on_connected(std::move(made));
                    });
}

greeting peer_link::own_greeting() const {
  const auto& options = *context_->options;
  return {min_frame_version,
          max_frame_version,
          options.cluster,
          options.self,
          peer_,
          options.disk,
          static_cast<std::uint32_t>(options.limits.max_frame_bytes),
          std::string(context_->codec.name())};
}

void peer_link::on_connected(result<connector::socket> made) {
  connector_.reset();
  if (!made) return go_down(made.error());
  state_ = link_state::greeting;
  connection_ = std::make_shared<tcp_connection>(*std::move(made));
  byte_pieces hello;
  hello.add(encode(own_greeting()));
  const auto connection = connection_;
  connection->send(frame_kind::hello, group_id(), 0, hello);
  connection->start(shared_from_this(), context_->options->limits.dead_peer_timeout);
}

void peer_link::on_frame(frame received) {
  if (state_ == link_state::greeting) return on_greeting_frame(received);
  if (received.header.kind == frame_kind::response) return on_response(received);
  go_down({error_code::malformed, "the peer sent a frame that is no response"});
}

void peer_link::on_greeting_frame(const frame& received) {
  if (received.header.kind == frame_kind::refusal) {
    const auto reason = decode_refusal(received.body.span());
    return go_down(reason ? error{error_code::wrong_identity,
                                  "the peer refused this node: " + describe(*reason)}
                          : reason.error());
  }
  if (received.header.kind != frame_kind::welcome) {
    return go_down({error_code::malformed, "the peer did not answer the handshake"});
  }
  const auto theirs = decode_greeting(received.body.span());
  if (!theirs) return go_down(theirs.error());
  if (const auto bad = judge(own_greeting(), *theirs, *context_->options->identities)) {
    return go_down({error_code::wrong_identity, "this node refused the peer: " + bad->message});
  }
  on_welcome(*theirs);
}

void peer_link::on_welcome(const greeting& theirs) {
  const auto& limits = context_->options->limits;
  state_ = link_state::up;
  peer_max_frame_ = std::min<std::size_t>(theirs.max_frame, limits.max_frame_bytes);
  peer_disk_ = theirs.disk;
  backoff_ = limits.reconnect_min;
  last_failure_.clear();
  connection_->open_up(limits.max_frame_bytes, limits.receive_block_bytes);
  ++context_->counters.connections;
  context_->logger.log(log_level::info, "tcp", "connected to a peer",
                       {{"peer", peer_.value()}, {"address", std::string_view(address_)}});
  send_waiting();
}

void peer_link::send_waiting() {
  for (auto& request : std::exchange(waiting_, {})) {
    if (request.body.size() <= peer_max_frame_) {
      if (!calls_.waits(request.call)) continue;  // its deadline passed meanwhile
      connection_->send(frame_kind::request, request.group, request.call, request.body);
    } else if (auto call = calls_.close(request.call)) {
      context_->deferred->add(std::move(call->done),
                              {error_code::invalid_argument,
                               fmt::format("a request of {} bytes is larger than the {} that node "
                                           "{} takes",
                                           request.body.size(), peer_max_frame_, peer_.value())});
    }
  }
}

void peer_link::on_response(const frame& received) {
  auto call = calls_.close(received.header.call);
  if (!call) {
    ++context_->counters.late_responses;
    return;
  }
  ++context_->counters.responses;
  auto response = context_->codec.decode_response(received.body);
  if (response && response->index() != call->request) {
    response = fail(error_code::malformed, "the peer answered another kind of request");
  }
  complete(std::move(*call), std::move(response));
}

void peer_link::complete(pending_call call, result<rpc_response> outcome) {
  // Held while the completion runs: it may remove this peer.
  const auto self = shared_from_this();
  call.done(std::move(outcome));
}

void peer_link::on_alarm() {
  const auto self = shared_from_this();
  const auto moment = now();
  for (auto& call : calls_.close_expired(moment)) {
    ++context_->counters.timeouts;
    call.done(
        fail(error_code::timed_out, fmt::format("node {} did not answer in time", peer_.value())));
  }
  const bool making = state_ == link_state::connecting || state_ == link_state::greeting;
  if (making && connect_deadline_ <= moment) {
    go_down({error_code::unreachable, "no connection within the time allowed for it"});
  }
  if (retry_at_ <= moment) meet();
  set_alarm();
}

void peer_link::set_alarm() {
  if (state_ == link_state::connecting || state_ == link_state::greeting) {
    alarm_->set_no_later_than(connect_deadline_);
  }
  if (state_ == link_state::down && is_unmet()) alarm_->set_no_later_than(retry_at_);
  if (const auto earliest = calls_.earliest_deadline()) alarm_->set_no_later_than(*earliest);
}

void peer_link::on_closed(const error& why) { go_down(why); }

void peer_link::close_connection() {
  if (auto connector = std::exchange(connector_, nullptr)) connector->cancel();
  if (auto connection = std::exchange(connection_, nullptr)) connection->close();
}

void peer_link::wait_before_retry() {
  const auto half = static_cast<std::uint64_t>(backoff_.count() / 2);
  const auto less = duration(static_cast<duration::rep>(context_->random.below(half + 1)));
  retry_at_ = now() + backoff_ - less;
  backoff_ = std::min(backoff_ * 2, context_->options->limits.reconnect_max);
}

void peer_link::log_failure(const std::string& why, error_code code) {
  // A peer that stays down is said once, not once per attempt.
  if (why == last_failure_) return;
  last_failure_ = why;
  // That one passes by itself when the peer comes back; a wrong identity waits for the operator.
  const auto level = code == error_code::wrong_identity ? log_level::error : log_level::warning;
  context_->logger.log(level, "tcp", "no connection to a peer",
                       {{"peer", peer_.value()},
                        {"address", std::string_view(address_)},
                        {"reason", std::string_view(why)}});
}

void peer_link::go_down(const error& why) {
  const auto self = shared_from_this();
  state_ = link_state::down;
  close_connection();
  wait_before_retry();
  set_alarm();
  ++context_->counters.failed_connections;
  log_failure(fmt::format("node {} at {}: {}", peer_.value(), address_, why.message), why.code);

  // Requests that still waited were surely not delivered; all others may have been.
  std::vector<pending_call> unsent;
  for (const auto& request : std::exchange(waiting_, {})) {
    if (auto call = calls_.close(request.call)) unsent.push_back(*std::move(call));
  }
  auto sent = calls_.close_all();
  const auto reason = last_failure_;
  for (auto& call : unsent) call.done(fail(error_code::unreachable, reason));
  for (auto& call : sent) call.done(fail(error_code::disconnected, reason));
}

void peer_link::stop(const error& why) {
  const auto self = shared_from_this();
  state_ = link_state::stopped;
  close_connection();
  if (alarm_) alarm_->cancel();
  waiting_.clear();
  for (auto& call : calls_.close_all()) call.done(std::unexpected(why));
}

}  // namespace mainstay::tcp
